//! Webhooks: who is asked whether a client may come in, and who is told when a session is over (protocols.md section 1). The calls
//! themselves are [`net::webhook`](crate::net::webhook)'s business.
//!
//! A question that cannot be asked or is not answered as it should be is [`Verdict::Failed`]: nobody is let in unasked. What is to be told waits
//! in a queue of its own, so that a crowd that leaves does not keep others from being asked about.

use super::Server;
use crate::{
    config::Config,
    http::copied::{self, Copied},
    metrics::webhooks::{Hook, Webhooks as Counts},
    net::webhook::{self, CallId, Done, Fault, Full, Limits, Reply, Target, Url, Webhooks, ssl_cert_file},
    signaling::{Input, Mono, Now, Question, SessionEnd, Verdict, verdict},
    slots::Key,
};
use mio::{Registry, Token};
use std::{io, sync::Arc, time::Duration};

/// Above those of listeners, below that of signals.
const FIRST_TOKEN: usize = 1 << 15;
/// The most ended sessions of which somebody is still to be told; then the oldest are dropped.
const REPORTS_MAX: usize = 256;
/// So many are told at a time.
const REPORTS_AT_ONCE: usize = 8;
/// How long to wait before it is tried again, each time that it failed.
const BACKOFF: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// The webhooks of this server and what is under way there.
#[derive(Debug)]
pub(super) struct Hooks {
    calls: Webhooks<About>,
    authn: Option<Target>,
    disconnect: Option<Target>,
    /// Who is asked about.
    asked: Vec<(Key, CallId)>,
    max_asked: usize,
    /// What is still to be told.
    reports: Vec<Report>,
    /// How many of which somebody is being told.
    telling: usize,
    /// How many have been there.
    count: u64,
    /// How many were never told.
    dropped: u64,
}

/// What a call is about.
#[derive(Debug)]
enum About {
    /// Whether this peer may come in.
    Question(Key),
    Report(Report),
}

/// A session that is over.
#[derive(Debug)]
struct Report {
    /// Which in the order of their ends.
    number: u64,
    body: String,
    copied: Option<Arc<Copied>>,
    /// How often it was tried in vain.
    failures: usize,
    due: Mono,
}

impl Hooks {
    /// The webhooks that are set, if any are. Names begin to be looked up.
    pub(super) fn start(config: &Config, registry: &Registry, now: Now) -> io::Result<Option<Self>> {
        let urls = [&config.authn_webhook_url, &config.disconnect_webhook_url];
        if urls == [&None, &None] {
            return Ok(None);
        }
        let limits = limits(config);
        let places = limits.max_pending + 2 * limits.max_idle;
        let tokens = FIRST_TOKEN..FIRST_TOKEN + 1 + places;
        let mut calls = Webhooks::new(limits, registry, tokens, ssl_cert_file())?;
        let mut target = |key: &str, url: &Option<Url>| {
            let target = url.clone().map(|url| calls.target(url, time(now))).transpose();
            target.map_err(|wrong| io::Error::other(format!("{key}: {wrong}")))
        };
        Ok(Some(Self {
            authn: target("authn_webhook_url", &config.authn_webhook_url)?,
            disconnect: target("disconnect_webhook_url", &config.disconnect_webhook_url)?,
            calls,
            asked: Vec::with_capacity(config.max_pending_webhooks),
            max_asked: config.max_pending_webhooks,
            reports: Vec::with_capacity(REPORTS_MAX + 1),
            telling: 0,
            count: 0,
            dropped: 0,
        }))
    }

    /// The most memory, in bytes, that they take with this configuration; what is kept for each client included.
    pub(super) fn bytes_max(config: &Config) -> usize {
        if config.authn_webhook_url.is_none() && config.disconnect_webhook_url.is_none() {
            return 0;
        }
        let copied = if config.copy_websocket_header_names.is_empty() { 0 } else { copied::BYTES_MAX };
        // Either id may be all control characters, of which each takes six bytes in JSON.
        let report = size_of::<Report>() + 2 * 6 * config.max_id_bytes + 128 + copied;
        Webhooks::<About>::bytes_max(limits(config), config.max_message_bytes + 512 + copied)
            + (REPORTS_MAX + REPORTS_AT_ONCE) * report
            + config.max_connections() * copied
    }

    /// Something happened under this token; false if it is not one of ours.
    pub(super) fn handle_event(&mut self, token: Token, now: Now) -> bool {
        self.calls.handle_event(token, time(now))
    }

    /// When [`Hooks::handle_timeout`] is to be called.
    pub(super) fn next_timeout(&self) -> Option<Mono> {
        // Rounded up: to the millisecond before, nothing would be due yet.
        let calls = self.calls.next_timeout().map(|at| at.as_micros().div_ceil(1_000));
        let calls = calls.map(|millis| Mono::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)));
        let has_place = self.telling < REPORTS_AT_ONCE;
        let reports = self.reports.iter().filter(|_| has_place).map(|report| report.due);
        calls.into_iter().chain(reports).min()
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Now) {
        self.calls.handle_timeout(time(now));
        while self.telling < REPORTS_AT_ONCE {
            let due = |report: &&Report| report.due <= now.mono;
            let Some(number) = self.reports.iter().filter(due).map(|report| report.number).min() else {
                return;
            };
            let Some(report) = self.take_report(number) else { return };
            self.tell(report, now);
        }
    }

    /// Begins to ask about a peer; false if that is not possible.
    fn ask(&mut self, peer: Key, question: &Question, copied: Option<&Copied>, now: Now) -> bool {
        let Some(target) = self.authn else { return false };
        if self.asked.len() >= self.max_asked {
            let others = self.asked.len();
            log::warn!(connection:% = peer; "a client is not asked about: {others} others are (max_pending_webhooks)");
            return false;
        }
        let headers = copied.into_iter().flat_map(Copied::iter);
        let body = question.to_json();
        let posted = self.calls.post(target, headers, body.as_bytes(), About::Question(peer), time(now));
        posted.map(|call| self.asked.push((peer, call))).is_ok()
    }

    /// The peer is gone: nobody needs a verdict about it.
    fn forget(&mut self, peer: Key) {
        if let Some(place) = self.asked.iter().position(|(asked, _)| *asked == peer) {
            let (_, call) = self.asked.swap_remove(place);
            self.calls.cancel(call);
        }
    }

    /// The next verdict; other outcomes are dealt with on the way.
    fn poll_verdict(&mut self, now: Now, counts: &mut Counts) -> Option<(Key, Verdict)> {
        while let Some(Done { call, tag, result, elapsed }) = self.calls.poll_done() {
            let (hook, target) = match tag {
                About::Question(_) => (Hook::Authn, self.authn),
                About::Report(_) => (Hook::Disconnect, self.disconnect),
            };
            if let Some(url) = target.and_then(|target| self.calls.url(target)) {
                let outcome = result.as_ref().map(|reply| reply.status).map_err(Fault::label);
                counts.called(hook, (&url.authority(), url.path()), outcome, elapsed);
            }
            match tag {
                About::Question(peer) => {
                    let Some(place) = self.asked.iter().position(|(_, asked)| *asked == call) else {
                        continue;
                    };
                    self.asked.swap_remove(place);
                    let verdict = read(result).unwrap_or_else(|wrong| {
                        let url = self.url(self.authn);
                        log::warn!(connection:% = peer, reason = wrong; "no verdict from {url} after {elapsed:?}");
                        Verdict::Failed
                    });
                    if let Some(url) = self.authn.and_then(|target| self.calls.url(target)) {
                        let url = (&*url.authority(), url.path());
                        match &verdict {
                            Verdict::Allow(_) => counts.said(url, None),
                            Verdict::Deny { reason } => counts.said(url, Some(reason)),
                            Verdict::Failed => {}
                        }
                    }
                    return Some((peer, verdict));
                }
                About::Report(report) => {
                    self.telling = self.telling.saturating_sub(1);
                    if let Some(wrong) = told(result) {
                        self.try_again(report, &wrong, now);
                    }
                }
            }
        }
        None
    }

    /// Takes a session in of whose end somebody is to be told.
    fn report(&mut self, end: &SessionEnd, copied: Option<Arc<Copied>>, now: Now) {
        if self.disconnect.is_some() {
            self.count += 1;
            let report =
                Report { number: self.count, body: end.to_json(), copied, failures: 0, due: now.mono };
            self.queue(report);
        }
    }

    fn queue(&mut self, report: Report) {
        self.reports.push(report);
        if self.reports.len() <= REPORTS_MAX {
            return;
        }
        let oldest = self.reports.iter().map(|report| report.number).min();
        if oldest.and_then(|number| self.take_report(number)).is_some() {
            self.dropped += 1;
            let (url, dropped) = (self.url(self.disconnect), self.dropped);
            log::warn!(
                "{url} is told too slowly of sessions that have ended: the oldest are dropped, {dropped} up to now"
            );
        }
    }

    fn take_report(&mut self, number: u64) -> Option<Report> {
        let place = self.reports.iter().position(|report| report.number == number)?;
        Some(self.reports.swap_remove(place))
    }

    fn tell(&mut self, report: Report, now: Now) {
        let Some(target) = self.disconnect else { return };
        let (body, copied) = (report.body.clone(), report.copied.clone());
        let headers = copied.iter().flat_map(|copied| copied.iter());
        match self.calls.post(target, headers, body.as_bytes(), About::Report(report), time(now)) {
            Ok(_) => self.telling += 1,
            // So many places are kept for this that there is always one, but for outcomes that nobody has looked at yet.
            Err(Full) => self.give_up("there is no place for another call"),
        }
    }

    fn try_again(&mut self, mut report: Report, wrong: &str, now: Now) {
        let url = self.url(self.disconnect);
        match BACKOFF.get(report.failures) {
            Some(pause) => {
                log::info!("{url} could not be told of a session's end, and is again in {pause:?}: {wrong}");
                report.failures += 1;
                report.due = now.mono.after(*pause);
                self.queue(report);
            }
            None => self.give_up(wrong),
        }
    }

    fn give_up(&mut self, wrong: &str) {
        self.dropped += 1;
        let (url, dropped) = (self.url(self.disconnect), self.dropped);
        log::warn!("{url} was not told of a session's end, {dropped} up to now: {wrong}");
    }

    /// Of how many somebody is asked, of how many somebody is still to be told, and of how many nobody ever will be.
    pub(super) fn pending(&self) -> (usize, usize, u64) {
        (self.asked.len(), self.reports.len() + self.telling, self.dropped)
    }

    /// Whether there is nothing left to be told.
    pub(super) fn has_told_all(&self) -> bool {
        self.reports.is_empty() && self.telling == 0
    }

    /// The server stops: what was not told by now never is.
    pub(super) fn abandon(&mut self) {
        let left = self.reports.len() + self.telling;
        if left > 0 {
            self.dropped += left as u64;
            let (url, dropped) = (self.url(self.disconnect), self.dropped);
            log::warn!(
                "{url} was not told of the end of {left} sessions, {dropped} in all: the server stops"
            );
        }
    }

    /// For the log: without its query.
    fn url(&self, target: Option<Target>) -> String {
        target.and_then(|target| self.calls.url(target)).map(ToString::to_string).unwrap_or_default()
    }
}

impl Server {
    /// Does what is due with webhooks, and hands verdicts to the hub.
    pub(super) fn run_webhooks(&mut self) {
        if let Some(hooks) = &mut self.hooks {
            hooks.handle_timeout(self.now);
        }
        while let Some(hooks) = &mut self.hooks
            && let Some((peer, verdict)) = hooks.poll_verdict(self.now, &mut self.metrics.webhooks)
        {
            self.decided(peer, verdict);
        }
    }

    /// Hands a verdict to the hub.
    pub(super) fn decided(&mut self, peer: Key, verdict: Verdict) {
        self.drive(Input::Verdict { peer, verdict });
        // What it said meanwhile was left where it is.
        self.mark_runnable(peer);
    }

    /// Keeps what webhooks about this client are to have in their heads.
    pub(super) fn keep_copied(&mut self, key: Key, copied: Option<Copied>) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if let Some(copied) = &copied
            && copied.left_out > 0
        {
            let left_out = copied.left_out;
            log::info!(connection:% = key; "{left_out} headers are too long together for webhooks, and left out");
        }
        client.copied = copied.map(Arc::new);
    }

    /// Asks whether a peer may come in; false if nobody can be asked.
    pub(super) fn ask(&mut self, peer: Key, question: &Question) -> bool {
        let copied = self.clients.get(peer).and_then(|client| client.copied.as_deref());
        self.hooks.as_mut().is_some_and(|hooks| hooks.ask(peer, question, copied, self.now))
    }

    /// The hub does not know this peer any more.
    pub(super) fn forget_question(&mut self, peer: Key) {
        if let Some(hooks) = &mut self.hooks {
            hooks.forget(peer);
        }
    }

    /// A session is over.
    pub(super) fn report(&mut self, peer: Key, end: &SessionEnd) {
        let copied = self.clients.get(peer).and_then(|client| client.copied.clone());
        if let Some(hooks) = &mut self.hooks {
            hooks.report(end, copied, self.now);
        }
    }

    /// Reads again what may have changed about webhooks; if that fails, all stays as it is.
    pub(super) fn reload_webhooks(&mut self) {
        if let Some(hooks) = &mut self.hooks {
            log::info!("looking again where webhooks are and whom they trust");
            if let Err(wrong) = hooks.calls.reload(time(self.now)) {
                log::error!("webhooks go on with what was read before: {wrong}");
            }
        }
    }
}

fn limits(config: &Config) -> Limits {
    Limits {
        max_pending: config.max_pending_webhooks + REPORTS_AT_ONCE,
        timeout: config.webhook_request_timeout,
        ..Limits::default()
    }
}

fn time(now: Now) -> webhook::Now {
    webhook::Now { mono: now.mono.since(Mono::START), unix: now.unix_ms / 1_000 }
}

/// What came of a question; or why there is no verdict.
fn read(result: Result<Reply, Fault>) -> Result<Verdict, String> {
    match result {
        Ok(Reply { status: 200, body }) => {
            verdict::read(&body).map_err(|wrong| format!("its answer cannot be used: {wrong}"))
        }
        Ok(Reply { status, .. }) => Err(format!("it answered with {status}")),
        Err(fault) => Err(fault.to_string()),
    }
}

/// Why somebody was not told, if so. Any success will do: what it says is not looked at.
fn told(result: Result<Reply, Fault>) -> Option<String> {
    match result {
        Ok(Reply { status: 200..=299, .. }) => None,
        Ok(Reply { status, .. }) => Some(format!("it answered with {status}")),
        Err(fault) => Some(fault.to_string()),
    }
}
