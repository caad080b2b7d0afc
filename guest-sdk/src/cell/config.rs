//! The operator's settings, as the author's type. They are read only, come from the space's `.toml`, and give `bad-config` when they
//! do not fit.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::cell::Cell;
use crate::describe::Descriptor;
use crate::{Failure, FromBody, Result, port};

/// All settings of the space. `#[serde(default)]` in the type makes a setting optional.
#[derive(Debug)]
pub struct Config<T>(PhantomData<fn() -> T>);

impl<T: DeserializeOwned + JsonSchema> Cell for Config<T> {
    fn named(_: &'static str) -> Self {
        Config(PhantomData)
    }

    fn describe(descriptor: &mut Descriptor) {
        descriptor.config::<T>();
    }
}

impl<T: DeserializeOwned> Config<T> {
    /// The settings now in force.
    pub fn get(&self) -> Result<T> {
        T::from_body(port::config_all().as_bytes()).map_err(|why| Failure::new("bad-config", why))
    }
}
