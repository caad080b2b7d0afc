//! Many values by key, in the order of their keys. Each is stored as JSON under `field/key`; what cannot be read gives `bad-state`.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cell::{AsKey, Cell, Entries, Key, KeyText, Leading, load, store};
use crate::{Result, port};

/// An ordered map of the partition's state. It does not know its length: counting is walking through it.
#[derive(Debug)]
pub struct Map<K, V> {
    name: &'static str,
    entries: PhantomData<fn() -> (K, V)>,
}

impl<K, V> Cell for Map<K, V>
where
    K: Key,
{
    fn named(name: &'static str) -> Self {
        Map { name, entries: PhantomData }
    }
}

impl<K: Key, V: Serialize + DeserializeOwned> Map<K, V> {
    /// The value of a key.
    pub fn get<Q: AsKey<K> + ?Sized>(&self, key: &Q) -> Result<Option<V>> {
        load(&self.state_key(key))
    }

    /// Whether there is a value.
    pub fn contains<Q: AsKey<K> + ?Sized>(&self, key: &Q) -> bool {
        port::state_get(self.state_key(key).as_bytes()).is_some()
    }

    /// Writes the value of a key.
    pub fn set<Q: AsKey<K> + ?Sized>(&self, key: &Q, value: &V) -> Result<()> {
        store(&self.state_key(key), value)
    }

    /// Changes a value in place, from the type's default when there is none, and answers what the closure does.
    pub fn update<Q: AsKey<K> + ?Sized, R>(&self, key: &Q, change: impl FnOnce(&mut V) -> R) -> Result<R>
    where
        V: Default,
    {
        let mut value = self.get(key)?.unwrap_or_default();
        let answer = change(&mut value);
        self.set(key, &value)?;
        Ok(answer)
    }

    /// Deletes a key; one that is not there is no failure.
    pub fn delete<Q: AsKey<K> + ?Sized>(&self, key: &Q) -> Result<()> {
        port::state_delete(self.state_key(key).as_bytes())
    }

    /// Deletes a key and answers the value it had.
    pub fn take<Q: AsKey<K> + ?Sized>(&self, key: &Q) -> Result<Option<V>> {
        let value = self.get(key)?;
        if value.is_some() {
            self.delete(key)?;
        }
        Ok(value)
    }

    /// All entries in the order of their keys, read page by page as the iterator goes.
    pub fn iter(&self) -> Entries<K, V> {
        Entries::new(self.name, "")
    }

    /// The entries whose key's spelling begins with this text: for `String` keys, those that begin with it.
    pub fn starting_with(&self, prefix: &str) -> Entries<K, V> {
        Entries::new(self.name, &prefix.text())
    }

    /// The entries whose key is a tuple with this first member.
    pub fn under<Q: KeyText + ?Sized>(&self, first: &Q) -> Entries<K, V>
    where
        K: Leading<Q>,
    {
        Entries::new(self.name, &format!("{}#", first.text()))
    }

    fn state_key(&self, key: &(impl KeyText + ?Sized)) -> String {
        let mut text = format!("{}/", self.name);
        key.write(&mut text);
        text
    }
}
