//! A component of two: what one passes to the other must be of its type as well, though the host never sees it. The contract
//! has neither characters nor flags, so only here can they be wrong.

use super::{Arena, assert_names};
use spacehost_tests::hostile::DEFAULT_DESCRIPTOR;

/// Its command passes that number as a character and this one as a set of two flags, and answers the flags that arrive.
fn passing(character: u32, flags: u32) -> Vec<u8> {
    let (descriptor, length) = (DEFAULT_DESCRIPTOR.replace('"', "\\\"").replace('\n', " "), DEFAULT_DESCRIPTOR.len());
    let text = format!(
        r#"(component
        (component $receiver
            (core module $code
                (func (export "character") (param i32))
                (func (export "flags") (param i32) (result i32) (local.get 0)))
            (core instance $code (instantiate $code))
            (type $flags' (flags "one" "two"))
            (export $flags "set" (type $flags'))
            (func (export "character") (param "it" char) (canon lift (core func $code "character")))
            (func (export "flags") (param "them" $flags) (result u32) (canon lift (core func $code "flags"))))
        (component $sender
            (import "receiver" (instance $receiver
                (type $flags' (flags "one" "two"))
                (export "set" (type $flags (eq $flags')))
                (export "character" (func (param "it" char)))
                (export "flags" (func (param "them" $flags) (result u32)))))
            (core func $character (canon lower (func $receiver "character")))
            (core func $flags (canon lower (func $receiver "flags")))
            (core module $sender
                (import "receiver" "character" (func $character (param i32)))
                (import "receiver" "flags" (func $flags (param i32) (result i32)))
                (memory (export "memory") 1)
                (data (i32.const 16) "\00\04\00\00")
                (data (i32.const 64) "0")
                (data (i32.const 1024) "{descriptor}")
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0x8000))
                (func (export "describe") (result i32) (i32.store (i32.const 20) (i32.const {length})) (i32.const 16))
                (func (export "command") (param i32 i32 i32 i32) (result i32)
                    (call $character (i32.const {character}))
                    (i32.store8 (i32.const 64) (i32.add (i32.const 48) (call $flags (i32.const {flags}))))
                    (i32.store (i32.const 36) (i32.const 64))
                    (i32.store (i32.const 40) (i32.const 1))
                    (i32.const 32))
                (func (export "event") (param i32 i32 i32 i32) (result i32) (i32.const 128)))
            (core instance $sender (instantiate $sender (with "receiver" (instance
                (export "character" (func $character))
                (export "flags" (func $flags))))))
            (alias core export $sender "memory" (core memory $memory))
            (alias core export $sender "realloc" (core func $realloc))
            (type $failure' (record (field "code" string) (field "message" string) (field "retryable" bool)))
            (export $failure "failure" (type $failure'))
            (func $describe (result string) (canon lift (core func $sender "describe") (memory $memory)))
            (func $command (param "name" string) (param "body" (list u8)) (result (result (list u8) (error $failure)))
                (canon lift (core func $sender "command") (memory $memory) (realloc $realloc)))
            (func $event (param "topic" string) (param "body" (list u8)) (result (result (error $failure)))
                (canon lift (core func $sender "event") (memory $memory) (realloc $realloc)))
            (func $timer (param "name" string) (param "body" (list u8)) (result (result (error $failure)))
                (canon lift (core func $sender "event") (memory $memory) (realloc $realloc)))
            (instance $handler (export "failure" (type $failure))
                (export "describe" (func $describe)) (export "command" (func $command))
                (export "event" (func $event)) (export "timer" (func $timer)))
            (export "handler" (instance $handler)))
        (instance $receiver (instantiate $receiver))
        (instance $sender (instantiate $sender (with "receiver" (instance $receiver))))
        (export "spacehost:space/handler@1.0.0" (instance $sender "handler")))"#
    );
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

async fn arena(character: u32, flags: u32) -> Arena {
    let arena = Arena::new().await;
    arena.deploy(passing(character, flags), |_| {}).await.expect("it is let in");
    arena
}

#[tokio::test]
async fn a_number_that_is_no_character_is_broken_off() {
    // A surrogate, the first number after the last character, and the largest.
    for number in [0xd800, 0x11_0000, u32::MAX] {
        assert_names(&arena(number, 0).await.outcome().await, "invalid `char`");
    }
}

#[tokio::test]
async fn flags_that_their_type_does_not_have_do_not_arrive() {
    assert_eq!(arena('x' as u32, 0b10).await.ended().await.unwrap(), "2");
    assert_eq!(arena('x' as u32, u32::MAX).await.ended().await.unwrap(), "3");
}
