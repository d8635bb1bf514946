//! Reading the configuration again while the server runs: on SIGHUP, and when whoever looks after it asks.
//!
//! Everything is read and checked before anything is changed, and nobody is let go: what is new is for those who come, and for what those
//! who are there do next.

use super::{Ceiling, Server, admission, bind, signaling_log, tuning::Tuning};
use crate::{
    config::{Config, settings::Setting},
    host::{log as logging, machine},
    http::routes::Site,
    net::{certificates::Host, contexts::Contexts, tls::Tls},
};
use std::rc::Rc;

/// Reads the configuration as it is now.
pub type Reread = Box<dyn Fn() -> Result<Config, String>>;

impl Server {
    /// Takes the configuration as it is now. The settings that changed but wait for a restart.
    ///
    /// # Errors
    /// What is wrong with it; then all stays as it is. It is in the log as well.
    pub(super) fn reload(&mut self) -> Result<Vec<&'static str>, String> {
        if self.stopping.is_some() {
            return Err("suzu is stopping".to_owned());
        }
        self.manager.reloading();
        let result = self.try_reload();
        match &result {
            Ok(waiting) if waiting.is_empty() => log::info!("the configuration was read again"),
            Ok(waiting) => {
                log::warn!(
                    "the configuration was read again; what changed here takes effect when suzu starts again: {}",
                    waiting.join(", ")
                );
            }
            Err(wrong) => log::error!("the configuration stays as it is: {wrong}"),
        }
        self.manager.ready(self.now.mono);
        result
    }

    fn try_reload(&mut self) -> Result<Vec<&'static str>, String> {
        let mut config = (self.reread)()?;
        let waiting = config.keep_what_needs_restart(&self.config)?;
        let (keys, ice_servers) = config.access()?;
        let signaling_log = signaling_log::Open::by(&config).map_err(|error| error.to_string())?;
        let host = machine::look(&self.host);
        self.reload_certificates(&config, &host)?;
        // From here on nothing can fail.
        self.host = host;
        self.signaling_log.set(signaling_log);
        logging::configure(&config.log_settings());
        let (endpoints, dialects) = bind::endpoints(&config);
        self.dialects = dialects;
        let has_default_https = self.site.has_default_https;
        let site = bind::site(&config, &self.host, self.tls.as_ref(), endpoints);
        self.site = Site { has_default_https, ..site };
        self.addresses.set_limits(admission::limits(&config));
        self.handshakes.set_limits(config.max_tls_handshakes, config.tls_handshake_timeout);
        self.tuning = Tuning::of(&config);
        if self.contexts.limits() != config.websocket_limits() {
            // Clients that are there keep what they have.
            self.contexts = Rc::new(Contexts::new(config.websocket_limits()));
        }
        self.hub.reconfigure(config.signaling_limits(), keys, ice_servers, self.now);
        self.reload_webhooks();
        self.release_throttled();
        let (before, after) = (Ceiling::of(&self.config).total(), Ceiling::of(&config).total());
        if before != after {
            log::info!(
                "the memory ceiling is {} KiB from now on, and was {}; clients that are there keep their limits",
                after.div_ceil(1024),
                before.div_ceil(1024)
            );
        }
        for warning in config.warnings.iter().filter(|warning| !self.config.warnings.contains(warning)) {
            log::warn!("{warning}");
        }
        self.config = config;
        Ok(waiting)
    }

    /// Whoever has said too much may have said less than too much by other rates.
    fn release_throttled(&mut self) {
        let now = self.now.mono;
        for (key, client) in self.clients.iter_mut() {
            if client.throttled_until.is_some() {
                client.throttled_until = Some(now);
                self.deadlines.bring_forward(key, now);
            }
        }
    }

    /// The same certificates are read again, and if they are bad the old ones stay; others must be good.
    fn reload_certificates(&mut self, config: &Config, host: &Host) -> Result<(), String> {
        let unix = self.now.unix_ms / 1_000;
        let source = config.certificates(machine::state_dir());
        if source == self.config.certificates(machine::state_dir()) {
            if let Some(tls) = &mut self.tls {
                tls.reload(host, unix);
            }
            return Ok(());
        }
        self.tls = source.map(|source| Tls::start(&source, host, unix)).transpose()?;
        Ok(())
    }
}

impl Config {
    /// Puts what another configuration says in place of what cannot change while it is in force: the keys of those that differ.
    ///
    /// # Errors
    /// What of the rest does not fit what stays.
    fn keep_what_needs_restart(&mut self, old: &Config) -> Result<Vec<&'static str>, String> {
        let differs =
            |setting: &&Setting| setting.needs_restart && (setting.show)(old) != (setting.show)(self);
        let waiting: Vec<_> = crate::config::settings::settings().filter(differs).collect();
        for setting in &waiting {
            setting.copy(old, self);
        }
        self.check()?;
        Ok(waiting.iter().map(|setting| setting.key).collect())
    }
}
