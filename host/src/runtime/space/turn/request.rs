//! Requests: the one call of a turn that waits, and what makes its repetition safe.
//!
//! A request is an effect of its own. It has an ordinal in its turn, and an id that follows from the caller's and the
//! ordinal; what it got is kept for all later attempts, which must ask the same. Fails with `cycle` where waiting would never
//! end, `overloaded` where there is no room now, `timeout` and `unknown` when time is up; aborts a turn that has diverged.

use super::Turn;
use crate::runtime::api::SpaceState;
use crate::runtime::router::{CommandRoute, Draft};
use crate::runtime::space::envelope::{Answer, Envelope, Progress, Recorded, wait};
use crate::runtime::space::mailbox::Share;
use crate::runtime::space::{Partition, chronicle};
use crate::store::record::RequestId;
use crate::wasm::{Abort, Extras};
use crate::words::failure::code;
use crate::words::message::Kind;
use crate::words::{Failure, MessageId};
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How asking ended.
enum Asked {
    Answered(Result<Bytes, Failure>),
    /// An earlier attempt has sent it and waiting is not possible now. It goes on, and what it gets is for a later attempt.
    UnderWay(Failure),
}

impl Turn {
    /// What earlier attempts know of this request; a new one is noted.
    fn recall(&mut self, ordinal: usize, digest: [u8; 32]) -> Result<&mut Progress, Abort> {
        let recorded = &mut self.first.requests;
        if recorded.len() <= ordinal {
            recorded.push(Recorded::new());
        }
        let known = recorded.get_mut(ordinal).filter(|request| request.digest.is_none_or(|known| known == digest));
        let Some(request) = known else {
            return Err(Abort(Failure::last(
                code::DIVERGED,
                format!("request {ordinal} differs from the one that an earlier attempt made: handlers must repeat"),
            )));
        };
        request.digest = Some(digest);
        Ok(&mut request.progress)
    }

    /// Final outcomes stand for every later attempt; what may pass is asked anew.
    fn keep_reply(&mut self, ordinal: usize, reply: &Result<Bytes, Failure>) {
        if let Some(request) = self.first.requests.get_mut(ordinal) {
            request.progress = match reply {
                Err(failure) if failure.retryable => Progress::Open(Some(failure.clone())),
                last => Progress::Final(last.clone()),
            };
        }
    }

    /// The reply to the request of that ordinal: the one that an earlier attempt got, or the one it waits for, or a new one.
    pub(super) async fn request_reply(
        &mut self,
        address: String,
        body: Bytes,
        extras: Option<Extras>,
    ) -> Result<Result<Bytes, Failure>, Abort> {
        let ordinal = self.requests as usize;
        self.requests += 1;
        if let Progress::Final(reply) = self.recall(ordinal, digest_of(&address, &body))? {
            return Ok(reply.clone());
        }
        Ok(match self.ask(ordinal, &address, body, extras).await {
            Asked::Answered(reply) => {
                self.keep_reply(ordinal, &reply);
                reply
            }
            Asked::UnderWay(failure) => Err(failure),
        })
    }

    async fn ask(&mut self, ordinal: usize, address: &str, body: Bytes, extras: Option<Extras>) -> Asked {
        let sent_to = match self.first.requests.get(ordinal).map(|request| &request.progress) {
            Some(Progress::Sent { to, .. }) => Some(to.clone()),
            _ => None,
        };
        let (target, letter) = match sent_to {
            Some(target) => (target, None),
            None => match self.compose(address, body, extras) {
                Ok((target, letter)) => (target, Some(letter)),
                Err(failure) => return Asked::Answered(Err(failure)),
            },
        };
        let router = self.router.clone();
        let Some(_waiting) = router.waits.begin(self.partition.number, target.number) else {
            let message = format!("`{}` waits for this partition, so it cannot be waited for", target.name);
            let failure = Failure::passing(code::CYCLE, message);
            return if letter.is_some() { Asked::Answered(Err(failure)) } else { Asked::UnderWay(failure) };
        };
        match letter.map_or(Ok(()), |letter| self.post(ordinal, &target, letter)) {
            Ok(()) => Asked::Answered(self.reply_to(ordinal).await),
            Err(failure) => Asked::Answered(Err(failure)),
        }
    }

    fn compose(
        &mut self,
        address: &str,
        body: Bytes,
        extras: Option<Extras>,
    ) -> Result<(Arc<Partition>, Letter), Failure> {
        let route = self.routes.command(&self.router, &self.access, address)?;
        if route.space.state() != SpaceState::Running {
            return Err(unavailable(&route.space.name.to_string(), route.space.state().word()));
        }
        let timeout = extras.as_ref().and_then(|extras| extras.timeout);
        let timeout = timeout.unwrap_or(Duration::from_millis(self.limits().request_timeout_ms));
        let draft = self.draft(body, extras);
        let target = route.space.partition(draft.key.as_deref()).clone();
        Ok((target, Letter { route, draft, timeout }))
    }

    fn post(&mut self, ordinal: usize, target: &Arc<Partition>, letter: Letter) -> Result<(), Failure> {
        let Letter { route, draft, timeout } = letter;
        let full = |_| Failure::passing(code::OVERLOADED, format!("the backlog of `{}` is full", target.name));
        let room = target.mailbox.reserve_now(draft.weight(), Share::Space).map_err(full)?;
        let ordinal_of_request = ordinal as u32;
        let caller = self.message().map(|message| message.id);
        // A migration has no message, and is never tried again: whatever id is free will do.
        let of_request = |caller: MessageId| caller.of_request(&self.partition.name, ordinal_of_request);
        let id = caller.map_or_else(|| self.router.next_entry(), of_request);
        let message = draft.into_message(id, Kind::Command(route.command.clone()));
        let mut envelope = Envelope::new(message, room, self.depends_on);
        envelope.first = self.router.asked_before.take(&target.name, id).unwrap_or_default();
        let (waiter, wait) = wait(false);
        envelope.waiter = Some(waiter);
        let now_ms = self.first.now_ms;
        if let Some(request) = self.first.requests.get_mut(ordinal) {
            let (digest, caller) = (request.digest.unwrap_or_default(), caller.map(chronicle::id));
            envelope.request = caller.map(|caller| RequestId { caller, ordinal: ordinal_of_request, digest, now_ms });
            request.progress = Progress::Sent { to: target.clone(), wait, deadline: Instant::now() + timeout };
        }
        route.count_asked(&self.router, &self.sender);
        envelope.enqueued_ns = super::now_ns();
        envelope.deliver();
        Ok(())
    }

    async fn reply_to(&mut self, ordinal: usize) -> Result<Bytes, Failure> {
        let sent = self.first.requests.get_mut(ordinal).map(|request| &mut request.progress);
        let Some(Progress::Sent { to, wait, deadline }) = sent else {
            return Err(Failure::passing(code::UNKNOWN, "the request was not sent"));
        };
        match tokio::time::timeout_at((*deadline).into(), &mut wait.reply).await {
            Ok(Ok(reply)) => {
                self.depends_on = self.depends_on.max(reply.depends_on);
                answer_of(reply.answer, to)
            }
            Ok(Err(_)) => Err(Failure::passing(code::UNKNOWN, format!("`{}` went away during the request", to.name))),
            Err(_) if wait.withdraw() => {
                let message = format!("`{}` had not begun in time; it has no effect", to.name);
                Err(Failure::passing(code::TIMEOUT, message))
            }
            Err(_) => {
                let message = format!("`{}` had begun but did not answer in time", to.name);
                Err(Failure::last(code::UNKNOWN, message))
            }
        }
    }
}

/// A request about to be sent.
struct Letter {
    route: Arc<CommandRoute>,
    draft: Draft,
    timeout: Duration,
}

fn unavailable(target: &str, state: &str) -> Failure {
    Failure::passing(code::UNAVAILABLE, format!("`{target}` is {state}"))
}

fn answer_of(answer: Answer, target: &Partition) -> Result<Bytes, Failure> {
    match answer {
        Answer::Ok(reply) => Ok(reply),
        Answer::Failed(failure) => Err(failure),
        Answer::Broken(reason) | Answer::TimedOut(reason) => {
            Err(Failure::passing(code::TRAPPED, format!("`{}` broke off: {reason}", target.name)))
        }
        Answer::Unavailable(state) => Err(unavailable(&target.name.to_string(), state)),
    }
}

/// What tells a request from another one.
pub fn digest_of(address: &str, body: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(address.len() as u64).to_le_bytes()).update(address.as_bytes()).update(body);
    *hasher.finalize().as_bytes()
}
