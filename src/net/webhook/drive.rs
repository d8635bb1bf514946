//! How a call goes: an idle connection or a new one, address by address, to its answer or its end.

use super::{
    Call, CallId, Done, Fault, Now, Reply, Webhooks,
    line::{Line, Progress},
    resolve::Answer,
};
use crate::slots::Key;
use mio::Token;
use std::{mem, time::Duration};

impl<T> Webhooks<T> {
    /// Puts a call on an idle connection, or begins a new one.
    pub(super) fn begin(&mut self, key: Key, now: Now) {
        let Some(origin) = self.calls.get(key).map(|call| call.origin) else { return };
        let is_idle = |line: &Option<Line>| {
            line.as_ref().is_some_and(|line| line.origin == origin && line.idle_until().is_some())
        };
        // The one that is idle for the shortest time is the likeliest to be open still.
        while let Some(index) = (0..self.lines.len())
            .filter(|index| self.lines.get(*index).is_some_and(is_idle))
            .max_by_key(|index| self.lines.get(*index).and_then(|line| line.as_ref()?.idle_until()))
        {
            let Some(line) = self.lines.get_mut(index).and_then(Option::as_mut) else { break };
            if line.is_usable(&mut self.scratch) {
                line.reuse(key);
                if let Some(call) = self.calls.get_mut(key) {
                    call.line = Some(index);
                }
                return self.drive(index, now);
            }
            self.close(index);
        }
        self.find(key, now);
    }

    /// Finds out where to go, and goes there.
    fn find(&mut self, key: Key, now: Now) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some(addresses) = self.origins.get_mut(call.origin) else { return };
        match addresses.ask(call.origin, &mut self.resolver, now.mono, self.limits.timeout) {
            Answer::Known(known) => {
                call.addresses = known.into_iter().rev().collect();
                self.dial(key, String::new(), now);
            }
            Answer::Wait => call.is_fresh = true,
            Answer::Unknown(wrong) => self.finish(key, Err(Fault::Unresolved(wrong)), now),
        }
    }

    /// Tries the next address; `wrong` is what was the matter with the one before.
    fn dial(&mut self, key: Key, mut wrong: String, now: Now) {
        loop {
            let Some(call) = self.calls.get_mut(key) else { return };
            call.line = None;
            let left = u32::try_from(call.addresses.len()).unwrap_or(u32::MAX);
            let Some(address) = call.addresses.pop() else { return self.exhausted(key, wrong, now) };
            let origin = call.origin;
            // So that one which does not answer at all leaves time for the others.
            let patience = call.deadline.saturating_sub(now.mono) / left.max(1);
            let Some(index) = self.free_place() else {
                return self.finish(
                    key,
                    Err(Fault::Unreachable("no place for a connection".to_owned())),
                    now,
                );
            };
            let session = match self.origins.get(origin).map(|known| self.session(&known.origin)) {
                Some(Ok(session)) => session,
                Some(Err(wrong)) => return self.finish(key, Err(Fault::Tls(wrong)), now),
                None => return,
            };
            let until = now.mono.saturating_add(patience);
            let token = Token(self.tokens.start + 1 + index);
            match Line::connect((origin, address), session, key, until, &self.registry, token) {
                Ok(line) => {
                    if let (Some(place), Some(call)) = (self.lines.get_mut(index), self.calls.get_mut(key)) {
                        *place = Some(line);
                        call.line = Some(index);
                    }
                    return;
                }
                Err(error) => {
                    log::debug!("{address} takes no connection: {error}");
                    wrong = error.to_string();
                }
            }
        }
    }

    /// No address is left: the name may have moved, so it is looked up once more.
    fn exhausted(&mut self, key: Key, wrong: String, now: Now) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some(addresses) = self.origins.get_mut(call.origin) else { return };
        if !mem::replace(&mut call.is_fresh, true)
            && addresses.ask_again(call.origin, &mut self.resolver, now.mono, self.limits.timeout)
                == Answer::Wait
        {
            return;
        }
        self.finish(key, Err(Fault::Unreachable(wrong)), now);
    }

    /// Look-ups have ended.
    pub(super) fn take_found(&mut self, now: Now) {
        while let Some(found) = self.resolver.next_found() {
            let Some(addresses) = self.origins.get_mut(found.origin) else { continue };
            match &found.result {
                Ok(known) => log::debug!("{} is at {known:?}", addresses.origin),
                Err(wrong) => log::warn!("{} cannot be resolved: {wrong}", addresses.origin),
            }
            let wrong = found.result.as_ref().err().cloned();
            addresses.found(found.result, now.mono);
            self.wake(found.origin, wrong, now);
        }
    }

    /// Those who wait for this origin's addresses go on.
    fn wake(&mut self, origin: usize, wrong: Option<String>, now: Now) {
        for key in self.keys(|call| call.origin == origin && call.line.is_none()) {
            match &wrong {
                Some(wrong) => self.finish(key, Err(Fault::Unresolved(wrong.clone())), now),
                None => self.find(key, now),
            }
        }
    }

    /// Goes on with whatever is on this line.
    pub(super) fn drive(&mut self, index: usize, now: Now) {
        if let Some(secure) = &self.secure {
            secure.set_time(now.unix);
        }
        let Some(line) = self.lines.get_mut(index).and_then(Option::as_mut) else { return };
        let Some(key) = line.call else {
            if !line.is_usable(&mut self.scratch) {
                self.close(index);
            }
            return;
        };
        let Some(call) = self.calls.get(key) else { return self.close(index) };
        match line.advance(&call.request, &mut self.scratch) {
            Progress::Pending => {}
            Progress::Answered(reply, is_kept) => {
                let (origin, address) = (line.origin, line.address);
                line.rest(now.mono.saturating_add(self.limits.idle_timeout));
                // Its end may have come with the answer, and then no event tells of it any more.
                let is_kept = is_kept && line.is_usable(&mut self.scratch);
                if let Some(addresses) = self.origins.get_mut(origin) {
                    addresses.prefer(address);
                }
                if !is_kept || self.idle_count(origin) > self.limits.max_idle {
                    self.close(index);
                }
                self.finish(key, Ok(reply), now);
            }
            Progress::Unreachable(wrong) => {
                log::debug!("{} takes no connection: {wrong}", line.address);
                self.close(index);
                self.dial(key, wrong, now);
            }
            Progress::Stale => {
                self.close(index);
                if let Some(call) = self.calls.get_mut(key) {
                    call.line = None;
                }
                self.find(key, now);
            }
            Progress::Failed(fault) => {
                self.close(index);
                self.finish(key, Err(fault), now);
            }
        }
    }

    /// Does what is due: calls and connections whose time is over.
    pub(super) fn expire(&mut self, now: Now) {
        for key in self.keys(|call| call.deadline <= now.mono) {
            let line = self.calls.get(key).and_then(|call| call.line);
            let awaited = line.and_then(|index| self.lines.get(index)?.as_ref());
            let awaited = awaited.map_or("its addresses", Line::awaited);
            if let Some(index) = line {
                self.close(index);
            }
            self.finish(key, Err(Fault::Late(awaited)), now);
        }
        for index in 0..self.lines.len() {
            let Some(line) = self.lines.get(index).and_then(Option::as_ref) else { continue };
            let is_over = |until: Option<Duration>| until.is_some_and(|until| until <= now.mono);
            if is_over(line.idle_until()) {
                self.close(index);
            } else if let (true, Some(key)) = (is_over(line.connects_until()), line.call) {
                let wrong = format!("{}: it does not answer", line.address);
                self.close(index);
                self.dial(key, wrong, now);
            }
        }
        for origin in 0..self.origins.len() {
            let Some(addresses) = self.origins.get_mut(origin) else { continue };
            if addresses.patience_ends.is_some_and(|until| until <= now.mono) {
                let wrong = "no name server answers in time".to_owned();
                log::warn!("{} cannot be resolved: {wrong}", addresses.origin);
                addresses.found(Err(wrong.clone()), now.mono);
                self.wake(origin, Some(wrong), now);
            }
        }
    }

    fn finish(&mut self, key: Key, result: Result<Reply, Fault>, now: Now) {
        let Some(Call { tag, begun, .. }) = self.calls.remove(key) else { return };
        let elapsed = now.mono.saturating_sub(begun);
        self.done.push_back(Done { call: CallId(key), tag, result, elapsed });
    }

    fn keys(&self, is_meant: impl Fn(&Call<T>) -> bool) -> Vec<Key> {
        self.calls.iter().filter(|(_, call)| is_meant(call)).map(|(key, _)| key).collect()
    }

    fn idle_count(&self, origin: usize) -> usize {
        let lines = self.lines.iter().flatten();
        lines.filter(|line| line.origin == origin && line.idle_until().is_some()).count()
    }

    /// Where another line can be; an idle one gives way if need be.
    fn free_place(&mut self) -> Option<usize> {
        if let Some(index) = self.lines.iter().position(Option::is_none) {
            return Some(index);
        }
        if self.lines.len() + 1 < self.tokens.len() {
            self.lines.push(None);
            return Some(self.lines.len() - 1);
        }
        let until = |line: &Option<Line>| line.as_ref().and_then(Line::idle_until);
        let idle = self.lines.iter().enumerate().filter_map(|(index, line)| Some((until(line)?, index)));
        let (_, index) = idle.min()?;
        self.close(index);
        Some(index)
    }

    /// Closes all idle lines.
    pub(super) fn close_idle(&mut self) {
        for index in 0..self.lines.len() {
            let line = self.lines.get(index).and_then(Option::as_ref);
            if line.is_some_and(|line| line.idle_until().is_some()) {
                self.close(index);
            }
        }
    }

    pub(super) fn close(&mut self, index: usize) {
        if let Some(line) = self.lines.get_mut(index).and_then(Option::take) {
            line.close(&self.registry);
        }
    }
}
