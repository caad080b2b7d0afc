//! A thousand listeners outside while events flow: whoever keeps up misses nothing, and whoever does not is told, comes back
//! and gets the rest.
//!
//! How fast any of it goes is a matter of the bench `listeners`.

use futures::future::join_all;
use reqwest::{Method, Response};
use serde_json::json;
use spacehost_tests::Daemon;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Of all listeners those who hear a part, those who hear all and keep up, and those who hear all and do not.
const OF_A_PART: usize = 970;
const KEEPING_UP: usize = 20;
const SLOW: usize = 10;
/// A round is two turns: so many events that all hear, and so many large ones that only some hear.
const ROUNDS: usize = 24;
const SHARED: usize = 50;
const LARGE: usize = 1_000;
/// Together they are more than a listener's queue and the sockets' buffers hold.
const LARGE_BYTES: usize = 2_000;
/// A thousand streams take a slow machine a while; whoever hears nothing for so long has been forgotten.
const FORGOTTEN: Duration = Duration::from_secs(300);

/// A stream of events, frame by frame.
struct Stream {
    response: Response,
    rest: Vec<u8>,
    /// The id of the last event, and its numbers.
    last: Option<(String, (u64, u64))>,
    events: usize,
}

enum Frame {
    Event,
    Gap,
}

impl Stream {
    async fn open(daemon: &Daemon, pattern: &str, last: Option<&str>) -> Self {
        let mut request = daemon.request(Method::GET, &format!("/v1/events?pattern={pattern}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.expect("a stream");
        assert_eq!(response.status().as_u16(), 200);
        Stream { response, rest: Vec::new(), last: None, events: 0 }
    }

    /// None when the host has closed it.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(end) = self.rest.windows(2).position(|two| two == b"\n\n") {
                let frame: Vec<u8> = self.rest.drain(..end + 2).collect();
                match self.take(&String::from_utf8_lossy(&frame)) {
                    Some(frame) => return Some(frame),
                    None => continue,
                }
            }
            let more = tokio::time::timeout(FORGOTTEN, self.response.chunk()).await.expect("the stream goes on");
            self.rest.extend_from_slice(&more.ok().flatten()?);
        }
    }

    /// None for a comment that keeps the connection open.
    fn take(&mut self, frame: &str) -> Option<Frame> {
        if frame.starts_with("event: gap") {
            return Some(Frame::Gap);
        }
        let id = frame.lines().find_map(|line| line.strip_prefix("id: "))?.to_owned();
        let mut numbers = id.rsplit('-').map(|number| number.parse::<u64>().expect("a number"));
        let (ordinal, sequence) = (numbers.next().expect("an ordinal"), numbers.next().expect("a sequence"));
        let place = (sequence, ordinal);
        assert!(self.last.as_ref().is_none_or(|(_, last)| *last < place), "{id} is out of order or comes twice");
        self.last = Some((id, place));
        self.events += 1;
        Some(Frame::Event)
    }
}

/// Reads so many events in a row, without a gap, and tells after each round.
async fn keep_up(mut stream: Stream, of_a_round: usize, heard: watch::Sender<usize>) {
    for round in 1..=ROUNDS {
        while stream.events < round * of_a_round {
            match stream.next().await {
                Some(Frame::Event) => {}
                Some(Frame::Gap) => panic!("one who keeps up misses something after {} events", stream.events),
                None => panic!("the stream ends after {} events", stream.events),
            }
        }
        heard.send_replace(round);
    }
}

/// Reads on where nothing was read before; comes back with the last id whenever told of a gap or cut off.
async fn catch_up(daemon: &Daemon, mut stream: Stream) -> usize {
    let all = ROUNDS * (SHARED + LARGE);
    let mut gaps = 0;
    while stream.events < all {
        match stream.next().await {
            Some(Frame::Event) => {}
            Some(Frame::Gap) | None => {
                gaps += 1;
                let (last, events) = (stream.last.take().expect("it has heard something"), stream.events);
                stream = Stream::open(daemon, "news.>", Some(&last.0)).await;
                (stream.last, stream.events) = (Some(last), events);
            }
        }
    }
    assert_eq!(stream.events, all);
    gaps
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_listeners_those_who_keep_up_miss_nothing_and_the_slow_ones_come_back_for_the_rest() {
    let daemon = Arc::new(Daemon::start().await);
    daemon.install("a", "probe").await;
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        slow.push(Stream::open(&daemon, "news.>", None).await);
    }
    let (mut tasks, mut rounds) = (Vec::new(), Vec::new());
    for listener in 0..OF_A_PART + KEEPING_UP {
        let (pattern, of_a_round) =
            if listener < KEEPING_UP { ("news.>", SHARED + LARGE) } else { ("news.shared", SHARED) };
        let (heard, round) = watch::channel(0);
        let stream = Stream::open(&daemon, pattern, None).await;
        tasks.push(tokio::spawn(keep_up(stream, of_a_round, heard)));
        rounds.push(round);
    }
    for round in 1..=ROUNDS {
        let shared = json!({ "publish": { "to": "news.shared", "numbered": true, "times": SHARED } });
        let large = json!({ "publish": { "to": "news.large", "bytes": LARGE_BYTES, "times": LARGE - 10 } });
        let rest = json!({ "publish": { "to": "news.large", "bytes": LARGE_BYTES, "times": 10 } });
        assert_eq!(daemon.run("a", &json!([shared, rest])).await.0, 200);
        assert_eq!(daemon.run("a", &json!([large])).await.0, 200);
        // They keep up: nothing more comes before they have what there is.
        join_all(rounds.iter_mut().map(|heard| heard.wait_for(|heard| *heard >= round))).await;
    }
    for kept_up in join_all(tasks).await {
        kept_up.expect("it has heard all");
    }
    let gaps = join_all(slow.into_iter().map(|stream| catch_up(&daemon, stream))).await;
    assert!(gaps.iter().all(|gaps| *gaps > 0), "they were too slow: {gaps:?}");
}
