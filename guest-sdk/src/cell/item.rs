//! One value. It is stored as JSON under the field's name; what cannot be read gives `bad-state`.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cell::{Cell, load, store};
use crate::{Result, port};

/// One value of the partition's state, or none.
#[derive(Debug)]
pub struct Item<T> {
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Cell for Item<T> {
    fn named(name: &'static str) -> Self {
        Item { name, value: PhantomData }
    }
}

impl<T: Serialize + DeserializeOwned> Item<T> {
    /// The value, or none when it was never set.
    pub fn get(&self) -> Result<Option<T>> {
        load(self.name)
    }

    /// The value, or the type's default when it was never set.
    pub fn get_or_default(&self) -> Result<T>
    where
        T: Default,
    {
        Ok(self.get()?.unwrap_or_default())
    }

    /// Writes the value.
    pub fn set(&self, value: &T) -> Result<()> {
        store(self.name, value)
    }

    /// Changes the value in place, from the type's default when it was never set, and answers what the closure does.
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R>
    where
        T: Default,
    {
        let mut value = self.get_or_default()?;
        let answer = change(&mut value);
        self.set(&value)?;
        Ok(answer)
    }

    /// Deletes the value; it is no failure when there is none.
    pub fn delete(&self) -> Result<()> {
        port::state_delete(self.name.as_bytes())
    }
}
