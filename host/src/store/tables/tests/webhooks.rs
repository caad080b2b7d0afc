//! Webhooks: how far they have come, what they have set aside, and that it outlives them until it is forgotten.

use super::*;
use crate::store::record::WebhookLetter;
use crate::store::tables::image::Webhook;

const HOOK: &str = "billing";

fn letter(attempts: u32) -> WebhookLetter<'static> {
    WebhookLetter { message: event(), event_ms: 1, attempts, failure: "answered 500", time_ms: 2 }
}

fn moved(desk: &mut Desk, sequence: u64) {
    desk.apply(Record::WebhooksMoved { cursors: vec![(HOOK, id(sequence, 3)), ("other", id(1, 0))] });
}

fn bury(desk: &mut Desk, event: MessageId, attempts: u32) {
    desk.apply(Record::WebhookBuried { webhook: HOOK, event, letter: letter(attempts) });
}

fn exhume(events: Vec<MessageId>, retry: bool) -> Record<'static> {
    Record::WebhookExhumed { webhook: HOOK, events, retry }
}

fn hook(desk: &Desk) -> Webhook {
    desk.image().webhooks.remove(HOOK).unwrap_or_default()
}

#[test]
fn each_webhook_is_where_it_was_last() {
    let mut desk = Desk::new();
    moved(&mut desk, 7);
    desk.flush();
    moved(&mut desk, 9);
    assert_eq!(hook(&desk).cursor, id(9, 3));
    moved(&mut desk, 8);
    desk.flush();
    let desk = desk.reopen();
    assert_eq!((hook(&desk).cursor, desk.image().webhooks["other"].cursor), (id(9, 3), id(1, 0)));
}

#[test]
fn what_is_set_aside_is_done_with_and_kept_whole() {
    let mut desk = Desk::new();
    moved(&mut desk, 7);
    bury(&mut desk, id(8, 0), 10);
    let hook = hook(&desk);
    assert_eq!(hook.cursor, id(8, 0));
    let letter = &hook.letters[&id(8, 0)];
    assert_eq!((letter.attempts, letter.failure.as_str(), letter.retried), (10, "answered 500", false));
    assert_eq!(letter.message, event().into());
}

#[test]
fn a_dead_letter_that_is_tried_again_in_vain_stays_and_moves_nothing() {
    let mut desk = Desk::new();
    bury(&mut desk, id(8, 0), 10);
    moved(&mut desk, 20);
    desk.apply(exhume(vec![id(8, 0)], true));
    desk.flush();
    let mut desk = desk.reopen();
    assert!(hook(&desk).letters[&id(8, 0)].retried);
    bury(&mut desk, id(8, 0), 11);
    let hook = hook(&desk);
    assert_eq!((hook.cursor, hook.letters[&id(8, 0)].attempts), (id(20, 3), 11));
    assert!(!hook.letters[&id(8, 0)].retried);
}

#[test]
fn dead_letters_that_are_done_with_are_gone_and_one_that_was_not_there_is_passed_over() {
    let mut desk = Desk::new();
    for sequence in [8, 9, 10] {
        bury(&mut desk, id(sequence, 0), 10);
    }
    desk.flush();
    desk.apply(exhume(vec![id(8, 0), id(10, 0)], false));
    assert_eq!(hook(&desk).letters.into_keys().collect::<Vec<_>>(), [id(9, 0)]);
    desk.apply(exhume(vec![id(8, 0)], true));
    assert_eq!(hook(&desk).letters.len(), 1);
}

#[test]
fn a_forgotten_webhook_leaves_nothing_and_its_namesakes_keep_theirs() {
    let mut desk = Desk::new();
    bury(&mut desk, id(8, 0), 10);
    desk.flush();
    bury(&mut desk, id(9, 0), 10);
    desk.apply(Record::WebhookBuried { webhook: "billing-2", event: id(8, 0), letter: letter(10) });
    desk.apply(Record::WebhookForgotten { webhook: HOOK });
    desk.flush();
    let image = desk.reopen().image();
    assert_eq!(image.webhooks.keys().collect::<Vec<_>>(), ["billing-2"]);
    assert_eq!(image.webhooks["billing-2"].letters.len(), 1);
}
