//! The machine under a server that runs for years: what it is called, its addresses, and the certificate that follows them.

use super::{Server, admission};
use crate::host::machine;
use std::time::Duration;

/// How often, at the most, it is looked what this machine is called, and whether the certificate is still right. It is looked when somebody
/// comes: without newcomers nothing wakes up.
pub(super) const LOOK_PAUSE: Duration = Duration::from_secs(10);

impl Server {
    /// Goes by what this machine is called now: a router may have given it another address.
    pub(super) fn look_at_host(&mut self) {
        if self.now.mono < self.look_again {
            return;
        }
        self.look_again = self.now.mono.after(LOOK_PAUSE);
        let host = machine::look(&self.host);
        if host != self.host {
            self.site.gate = admission::gate(&self.config, &host);
            self.host = host;
        }
        if let Some(tls) = &mut self.tls {
            tls.refresh(&self.host, self.now.unix_ms / 1_000);
        }
    }
}
