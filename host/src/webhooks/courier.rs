//! The courier: the one task of a webhook, which posts its events one after the other.
//!
//! Owns the order (an event is delivered or set aside before the next is posted), the attempts and what follows when they are
//! used up. Must not know settings files or HTTP. Whatever a receiver does ends here, in this webhook's state; nobody else
//! waits for it. Ends when told to: an attempt in hand has a moment to come to its end.

use super::attempt::{Failed, Target, Verdict};
use super::backoff::Backoff;
use super::board::{Board, HookState};
use super::client::Client;
use super::secret;
use super::signature::Keys;
use crate::runtime::Runtime;
use crate::runtime::api::Published;
use crate::runtime::webhooks::{Gap, HookLetter, LetterBell, Next, Subscription};
use crate::shutdown::Shutdown;
use crate::words::WebhookSettings;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For an attempt that is in hand at the end.
const GRACE: Duration = Duration::from_secs(2);
/// A secret is read again after so long, so that a change of it needs nobody's help; and one that cannot be used is looked at again.
const SECRET_GOOD_FOR: Duration = Duration::from_secs(10);
const LOOK_AT_SECRET: Duration = Duration::from_secs(2);
/// Between two looks at a journal that does not read.
const UNREADABLE: Duration = Duration::from_secs(10);

pub struct Courier {
    pub name: Arc<str>,
    pub settings: WebhookSettings,
    /// Where relative paths begin.
    pub folder: PathBuf,
    pub runtime: Runtime,
    pub client: Arc<Client>,
    pub board: Arc<Board>,
    pub stop: Shutdown,
}

/// A courier at work.
struct Round {
    courier: Courier,
    subscription: Subscription,
    bell: LetterBell,
    keys: Option<(Keys, Instant)>,
    /// Of the event in hand.
    backoff: Backoff,
    /// Of dead letters that are posted again, and when the next one may be.
    letters: Backoff,
    next_letter: Instant,
}

/// It was told to stop.
struct Stopped;

type Going<T = ()> = Result<T, Stopped>;

impl Courier {
    /// What happens after this has returned is for the webhook; the work is in what it returns.
    pub fn begin(self) -> impl Future<Output = ()> + Send {
        let patterns = self.settings.topics.clone();
        let subscription = self.runtime.open_webhook(&self.name, patterns, self.settings.backlog_bytes);
        let backoff = Backoff::new(self.settings.retry_first, self.settings.retry_most);
        let (letters, next_letter) = (backoff.clone(), Instant::now());
        let bell = subscription.bell();
        let mut round = Round { courier: self, subscription, bell, keys: None, backoff, letters, next_letter };
        async move { while round.step().await.is_ok() {} }
    }
}

impl Round {
    /// A dead letter that is to be posted again, if there is one, and the next event: so neither waits for all of the other.
    async fn step(&mut self) -> Going {
        self.keys().await?;
        let letter = self.subscription.retried();
        if let Some(letter) = letter.as_ref().filter(|_| self.next_letter <= Instant::now()) {
            self.post_again(letter).await?;
        }
        let waits = self.subscription.retried().map(|_| self.next_letter);
        self.courier.board.is(HookState::Idle);
        tokio::select! {
            biased;
            () = self.courier.stop.wait() => Err(Stopped),
            next = self.subscription.next() => self.take(next).await,
            () = self.bell.rung() => Ok(()),
            () = at(waits) => Ok(()),
        }
    }

    async fn take(&mut self, next: Next) -> Going {
        match next {
            Next::Event(event) => self.deliver(event).await,
            Next::Gap(gap) => {
                self.tell_gap(&gap);
                Ok(())
            }
            Next::Unreadable(why) => {
                self.courier.board.is_because(HookState::Blocked, format!("the journal does not read: {why}"));
                self.rest(UNREADABLE).await
            }
            Next::End => Err(Stopped),
        }
    }

    /// Until it is delivered or set aside.
    async fn deliver(&mut self, event: Arc<Published>) -> Going {
        self.backoff.succeeded();
        loop {
            self.courier.board.is(HookState::Delivering);
            match self.post(&event).await? {
                Verdict::Delivered(_) => {
                    if self.backoff.failures() > 0 {
                        let (name, failures) = (&self.courier.name, self.backoff.failures());
                        tracing::info!("webhook {name}: delivered again, after {failures} failures");
                    }
                    self.courier.board.delivered();
                    self.subscription.done(event.id);
                    return Ok(());
                }
                Verdict::Gone => self.gone().await?,
                Verdict::Failed(failed) => {
                    let wait = self.note(&failed);
                    if self.backoff.failures() >= self.courier.settings.attempts {
                        return self.bury(event, &failed).await;
                    }
                    self.courier.board.backs_off(wait);
                    self.rest(wait).await?;
                }
            }
            self.keys().await?;
        }
    }

    /// One attempt, timed.
    async fn post(&mut self, event: &Published) -> Going<Verdict> {
        let Courier { settings, runtime, client, board, stop, .. } = &mut self.courier;
        let Some((keys, _)) = &self.keys else { return Err(Stopped) };
        let target = Target { settings, keys, host_id: runtime.host_id() };
        let began = Instant::now();
        let mut posting = std::pin::pin!(target.post(client, event));
        let verdict = tokio::select! {
            verdict = &mut posting => verdict,
            () = stop.wait() => tokio::time::timeout(GRACE, posting).await.map_err(|_| Stopped)?,
        };
        board.took(began.elapsed());
        Ok(verdict)
    }

    /// How long to wait before the next attempt.
    fn note(&mut self, failed: &Failed) -> Duration {
        if self.backoff.failures() == 0 {
            let (name, url, why) = (&self.courier.name, &self.courier.settings.url, &failed.why);
            tracing::warn!("webhook {name}: {url} {why}; it is tried again");
        }
        self.courier.board.failed(&failed.why);
        self.backoff.after_failure(chance()).max(failed.retry_after.unwrap_or_default())
    }

    async fn bury(&mut self, event: Arc<Published>, failed: &Failed) -> Going {
        while !self.subscription.has_room() {
            self.tell("webhook-blocked", "its dead letters are full");
            let reason = "its dead letters are full: have them posted again, or drop them".to_owned();
            self.courier.board.is_because(HookState::Blocked, reason);
            self.make_room().await?;
        }
        let attempts = self.backoff.failures();
        self.tell("webhook-dead-letter", &format!("{} after {attempts} attempts: {}", event.id, failed.why));
        self.courier.board.buried();
        self.subscription.bury(event, attempts, &failed.why);
        Ok(())
    }

    /// Waits until something becomes of the dead letters, and posts one of those that are to be posted again.
    async fn make_room(&mut self) -> Going {
        let waits = self.subscription.retried().map(|_| self.next_letter);
        tokio::select! {
            biased;
            () = self.courier.stop.wait() => return Err(Stopped),
            () = at(waits) => {}
            () = self.bell.rung() => return Ok(()),
        }
        match self.subscription.retried() {
            Some(letter) => self.post_again(&letter).await,
            None => Ok(()),
        }
    }

    /// One attempt at a dead letter. If that is in vain it is set aside again, and the next one waits a while.
    async fn post_again(&mut self, letter: &HookLetter) -> Going {
        self.courier.board.is(HookState::Delivering);
        match self.post(&letter.event).await? {
            Verdict::Delivered(_) => {
                self.letters.succeeded();
                self.courier.board.delivered();
                self.subscription.exhumed(letter.event.id);
            }
            Verdict::Gone => self.gone().await?,
            Verdict::Failed(failed) => {
                self.courier.board.failed(&failed.why);
                let wait = self.letters.after_failure(chance()).max(failed.retry_after.unwrap_or_default());
                self.next_letter = Instant::now() + wait;
                self.subscription.bury_again(letter.event.clone(), &failed.why);
            }
        }
        Ok(())
    }

    /// Until the settings change, or the host starts again.
    async fn gone(&mut self) -> Going {
        self.tell("webhook-gone", "answered 410: nothing more is posted");
        let reason = "its receiver has answered 410 (Gone): nothing is posted until its settings change".to_owned();
        self.courier.board.is_because(HookState::Gone, reason);
        self.courier.stop.wait().await;
        Err(Stopped)
    }

    /// Reads the secret, if that was long ago, and waits for one that can be used.
    async fn keys(&mut self) -> Going {
        let mut told = false;
        while self.keys.as_ref().is_none_or(|(_, read)| read.elapsed() >= SECRET_GOOD_FOR) {
            let (file, folder) = (self.courier.settings.secret.clone(), self.courier.folder.clone());
            let read = tokio::task::spawn_blocking(move || secret::read(&file, &folder)).await;
            match read {
                Ok(Ok(keys)) => self.keys = Some((keys, Instant::now())),
                Ok(Err(error)) => {
                    if !std::mem::replace(&mut told, true) {
                        self.tell("webhook-refused", &error.to_string());
                    }
                    self.keys = None;
                    self.courier.board.is_because(HookState::Refused, error.to_string());
                    self.rest(LOOK_AT_SECRET).await?;
                }
                Err(_) => return Err(Stopped),
            }
        }
        Ok(())
    }

    fn tell_gap(&self, gap: &Gap) {
        let what = match gap {
            Gap::Records { from, to } => format!(
                "events between {from} and {to} are lost to it: the journal no longer keeps them (see `backlog_bytes`)"
            ),
            Gap::Events(missed) => {
                format!("{missed} events are lost to it: in memory nothing is kept for who is behind")
            }
        };
        self.tell("webhook-gap", &what);
        self.courier.board.has_gap(what);
    }

    fn tell(&self, cause: &'static str, figure: &str) {
        self.courier.runtime.audit().of_webhook(&self.courier.name, cause, figure);
    }

    async fn rest(&mut self, wait: Duration) -> Going {
        tokio::select! {
            () = self.courier.stop.wait() => Err(Stopped),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

/// From 0 to 1, differently each time.
fn chance() -> f64 {
    (RandomState::new().hash_one(0) >> 11) as f64 / (1_u64 << 53) as f64
}
