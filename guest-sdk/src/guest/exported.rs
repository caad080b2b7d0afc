//! The host's calls, handed to a space. It owns nothing; each call makes the cells anew, for they hold nothing.

use std::marker::PhantomData;

use super::bindings::lifecycle::exports::spacehost::space::lifecycle;
use super::bindings::space::exports::spacehost::space::handler;
use super::bindings::space::spacehost::space::types::Failure;
use super::panics;
use crate::{Context, Space, describe};

/// A space as the generated bindings want it.
pub struct Exported<S>(PhantomData<S>);

impl<S: Space> handler::Guest for Exported<S> {
    fn describe() -> String {
        panics::report();
        describe::of::<S>().to_string()
    }

    fn command(name: String, body: Vec<u8>) -> Result<Vec<u8>, Failure> {
        panics::report();
        let context = Context::of(name);
        Ok(S::cells().command(&context, context.topic(), &body)?)
    }

    fn event(topic: String, body: Vec<u8>) -> Result<(), Failure> {
        panics::report();
        let context = Context::of(topic);
        Ok(S::cells().event(&context, context.topic(), &body)?)
    }

    fn timer(name: String, body: Vec<u8>) -> Result<(), Failure> {
        panics::report();
        let context = Context::of(name);
        Ok(S::cells().timer(&context, context.topic(), &body)?)
    }
}

impl<S: Space> lifecycle::Guest for Exported<S> {
    fn start() -> Result<(), Failure> {
        panics::report();
        Ok(S::cells().start(&Context::of(""))?)
    }

    fn migrate(from_version: Option<String>) -> Result<(), Failure> {
        panics::report();
        Ok(S::cells().migrate(&Context::of(""), from_version.as_deref())?)
    }
}
