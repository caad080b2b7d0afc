//! One attempt: an event becomes a request, and its answer a verdict.
//!
//! Must not know how often it is tried. What a receiver says is quoted short and clean; its address is not.

use super::client::{Answer, Client, Outgoing};
use super::signature::Keys;
use crate::cloud_event::{self, PASSED_ON};
use crate::runtime::api::Published;
use crate::words::{HookForm, WebhookSettings};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const STRUCTURED: &str = "application/cloudevents+json";
const AGENT: &str = concat!("spacehost/", env!("CARGO_PKG_VERSION"));
/// A receiver that asks for more patience than this gets another attempt all the same.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3_600);
/// Characters that are quoted of an answer.
const QUOTED: usize = 200;

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Delivered(u16),
    /// 410: the receiver wants nothing more.
    Gone,
    Failed(Failed),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    pub why: String,
    /// Not before then, says the receiver.
    pub retry_after: Option<Duration>,
}

/// A webhook with the keys that are in its file now.
pub struct Target<'a> {
    pub settings: &'a WebhookSettings,
    pub keys: &'a Keys,
    /// Tells this host's events from those of others.
    pub host_id: &'a str,
}

impl Target<'_> {
    /// Posts the event once.
    pub async fn post(&self, client: &Client, event: &Published) -> Verdict {
        let request = match self.request(event, SystemTime::now()) {
            Ok(request) => request,
            Err(why) => return failed(why, None),
        };
        match tokio::time::timeout(self.settings.timeout, client.send(request)).await {
            Ok(Ok(answer)) => judge(&answer, SystemTime::now()),
            Ok(Err(why)) => failed(why, None),
            Err(_) => failed(format!("no answer within {:?}", self.settings.timeout), None),
        }
    }

    fn request(&self, event: &Published, now: SystemTime) -> Result<Outgoing, String> {
        let id = cloud_event::id(self.host_id, event);
        let (body, headers) = match self.settings.form {
            HookForm::Structured => {
                let body = Bytes::from(cloud_event::json(event, &id));
                (body, vec![(CONTENT_TYPE.to_string(), STRUCTURED.to_owned())])
            }
            HookForm::Binary => {
                let mut binary = cloud_event::binary(event, &id);
                binary.headers.extend(binary.content_type.map(|kind| (CONTENT_TYPE.to_string(), kind)));
                (event.body.clone(), binary.headers)
            }
        };
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let signature = self.keys.sign(&id, seconds, &body);
        let mut request = Request::post(self.settings.url.reveal())
            .header(USER_AGENT, AGENT)
            .header("webhook-id", &id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature);
        for (name, value) in headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(passed_on(event))
        {
            // What a client or space has said need not be anything that a header may be.
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                request = request.header(name, value);
            }
        }
        // The address was checked when it was read; what hyper thinks of it otherwise does not quote it.
        request.body(Full::new(body)).map_err(|error| format!("this cannot be posted: {error}"))
    }
}

/// So that the receiver's work is in the same trace.
fn passed_on(event: &Published) -> impl Iterator<Item = (&str, &str)> {
    let headers = event.headers.as_deref().map(Vec::as_slice).unwrap_or_default();
    let traced = |name: &str| PASSED_ON.iter().any(|(_, known)| *known == name);
    headers.iter().filter(move |(name, _)| traced(name)).map(|(name, value)| (name.as_str(), value.as_str()))
}

fn failed(why: String, retry_after: Option<Duration>) -> Verdict {
    Verdict::Failed(Failed { why, retry_after })
}

fn judge(answer: &Answer, now: SystemTime) -> Verdict {
    let Answer { status, retry_after, said } = answer;
    match status {
        200..=299 => Verdict::Delivered(*status),
        410 => Verdict::Gone,
        300..=399 => failed(
            format!("answered {status}: redirects are not followed; put the address it leads to into `url`"),
            None,
        ),
        429 | 503 => failed(told(*status, said), retry_after.as_deref().and_then(|text| wait(text, now))),
        _ => failed(told(*status, said), None),
    }
}

fn told(status: u16, said: &str) -> String {
    let clean: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let clean: String = clean.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(QUOTED).collect();
    if clean.is_empty() { format!("answered {status}") } else { format!("answered {status}: {clean}") }
}

/// Seconds, or a date.
fn wait(retry_after: &str, now: SystemTime) -> Option<Duration> {
    let text = retry_after.trim();
    let seconds = text.parse().ok().map(Duration::from_secs);
    let until = || httpdate::parse_http_date(text).ok().map(|date| date.duration_since(now).unwrap_or_default());
    seconds.or_else(until).map(|wait| wait.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{HostSettings, MessageId};
    use std::sync::Arc;

    fn answer(status: u16, retry_after: Option<&str>, said: &str) -> Verdict {
        let answer = Answer { status, retry_after: retry_after.map(str::to_owned), said: said.to_owned() };
        judge(&answer, UNIX_EPOCH)
    }

    fn why(verdict: Verdict) -> String {
        match verdict {
            Verdict::Failed(failed) => failed.why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_is_a_success_a_farewell_or_a_failure_that_says_why() {
        for status in [200, 202, 204, 299] {
            assert_eq!(answer(status, None, "no"), Verdict::Delivered(status));
        }
        assert_eq!(answer(410, None, ""), Verdict::Gone);
        assert!(why(answer(302, None, "")).starts_with("answered 302: redirects are not followed"));
        assert_eq!(why(answer(500, None, "")), "answered 500");
        assert_eq!(why(answer(400, None, "no\n\x1b[2J  such\tid")), "answered 400: no \u{fffd}[2J such id");
        assert_eq!(why(answer(400, None, &"x".repeat(4_000))).chars().count(), 14 + QUOTED);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_bounded() {
        let wait = |status, text| match answer(status, Some(text), "") {
            Verdict::Failed(failed) => failed.retry_after.map(|wait| wait.as_secs()),
            other => panic!("{other:?}"),
        };
        assert_eq!((wait(429, "7"), wait(503, " 7 "), wait(500, "7")), (Some(7), Some(7), None));
        assert_eq!(wait(503, "Thu, 01 Jan 1970 00:00:09 GMT"), Some(9));
        assert_eq!((wait(429, "99999999"), wait(429, "soon"), wait(429, "-1")), (Some(3_600), None, None));
    }

    fn request(form: &str, headers: &[(&str, &str)]) -> Outgoing {
        let text =
            "[webhooks.a]\nurl = \"http://example.org/hook?key=k\"\ntopics = [\"a\"]\nsecret = { file = \"s\" }\n";
        let settings = HostSettings::parse(&format!("{text}format = \"{form}\"")).unwrap().webhooks["a"].clone();
        let keys = Keys::new([&[7; 32][..]]);
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let event = Published {
            id: MessageId { sequence: 42, ordinal: 1 },
            topic: "a".into(),
            source: "orders".into(),
            body: Bytes::from_static(b"{\"n\":1}"),
            key: None,
            headers: Some(Arc::new(headers)),
            time: UNIX_EPOCH,
        };
        let target = Target { settings: &settings, keys: &keys, host_id: "host" };
        target.request(&event, UNIX_EPOCH + Duration::from_millis(1_999)).unwrap()
    }

    #[test]
    fn a_request_is_the_event_in_its_form_with_the_headers_of_the_standard() {
        let header = |request: &Outgoing, name: &str| {
            request.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let structured = request("structured", &[("traceparent", "00-1-2-01"), ("other", "x")]);
        assert_eq!(structured.uri(), "http://example.org/hook?key=k");
        assert_eq!(header(&structured, "content-type"), STRUCTURED);
        assert_eq!(
            (header(&structured, "webhook-id"), header(&structured, "webhook-timestamp")),
            ("host-42-1".into(), "1".into())
        );
        assert_eq!(
            (header(&structured, "traceparent"), header(&structured, "other")),
            ("00-1-2-01".into(), String::new())
        );
        let binary = request("binary", &[("traceparent", "no\nheader")]);
        assert_eq!(header(&binary, "content-type"), "application/json");
        assert_eq!(
            (header(&binary, "ce-id"), header(&binary, "ce-source")),
            ("host-42-1".into(), "/spaces/orders".into())
        );
        assert_eq!(header(&binary, "traceparent"), "", "what is no header is left out");
        let signed = Keys::new([&[7; 32][..]]).sign("host-42-1", 1, b"{\"n\":1}");
        assert_eq!(header(&binary, "webhook-signature"), signed, "the body is signed, whatever the form");
    }
}
