//! Code: what a compiler of this host has made of a component, and the one way from there into the process.
//!
//! Owns the only `unsafe` of the host. Bytes become `Code` in two ways: a compiler made them just now, or they come back
//! under the seal that this host put on them. Must not know where sealed code is kept. What is damaged, foreign, old or
//! sealed for another component does not open, and that is all that is said about it.

use super::engine::Engine;
use wasmtime::component::Component;

/// Changes with the form of a sealed entry.
const FORM: &[u8; 8] = b"SHCODE1\n";
const MAC: usize = 32;
const LENGTH: usize = 4;

/// Compiled code that may be run.
pub struct Code {
    bytes: Vec<u8>,
    /// Where in them it begins.
    from: usize,
}

impl Code {
    /// For the compiler alone.
    pub(super) fn of_compiler(bytes: Vec<u8>) -> Self {
        Code { bytes, from: 0 }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[self.from..]
    }
}

/// Makes a component of code. Fails when the code is for another engine.
#[expect(unsafe_code, reason = "wasmtime runs what it is given here, so this is where it is vouched for")]
pub(super) fn adopt(engine: &Engine, code: &Code) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` trusts its bytes to be unmodified output of wasmtime's compiler. A `Code` can be made in this
    // file only: by `of_compiler`, whose one caller hands over what this process or its own compiling process has just
    // written, or by `Seal::open`, which has checked a keyed MAC over what `Seal::close` was given, and that was a `Code`.
    // The key never leaves this host. Both ways the bytes are in memory of our own, where nobody changes them meanwhile.
    // wasmtime itself checks version, settings and processor.
    unsafe { Component::deserialize(engine.wasmtime(), code.bytes()) }
}

/// Vouches for code that is out of this process's hands for a while. The key is a secret of the data folder.
pub struct Seal {
    key: [u8; 32],
}

/// What lies under a seal.
pub struct Sealed {
    /// What the component says of itself.
    pub descriptor: String,
    pub code: Code,
}

impl Seal {
    pub fn new(key: [u8; 32]) -> Self {
        Seal { key }
    }

    /// The form, the MAC over all the rest and the name, the descriptor and its length, the code.
    pub fn close(&self, name: &str, descriptor: &str, code: &Code) -> Vec<u8> {
        let length = u32::try_from(descriptor.len()).unwrap_or(u32::MAX).to_le_bytes();
        let payload = [&length, descriptor.as_bytes(), code.bytes()].concat();
        [FORM, self.mac(name, &payload).as_bytes().as_slice(), &payload].concat()
    }

    pub fn open(&self, name: &str, entry: Vec<u8>) -> Option<Sealed> {
        let (mac, payload) = entry.strip_prefix(FORM)?.split_first_chunk::<MAC>()?;
        // In constant time.
        if blake3::Hash::from_bytes(*mac) != self.mac(name, payload) {
            return None;
        }
        let (length, rest) = payload.split_first_chunk::<LENGTH>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let descriptor = String::from_utf8(rest.get(..length)?.to_vec()).ok()?;
        Some(Sealed { descriptor, code: Code { from: FORM.len() + MAC + LENGTH + length, bytes: entry } })
    }

    fn mac(&self, name: &str, payload: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(FORM).update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes()).update(payload);
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> Vec<u8> {
        Seal::new([7; 32]).close("a", "{}", &Code::of_compiler(b"code".to_vec()))
    }

    #[test]
    fn what_was_sealed_opens_as_it_was() {
        let found = Seal::new([7; 32]).open("a", sealed()).unwrap();
        assert_eq!((found.descriptor.as_str(), found.code.bytes()), ("{}", b"code".as_slice()));
    }

    #[test]
    fn another_key_and_another_name_open_nothing() {
        assert!(Seal::new([8; 32]).open("a", sealed()).is_none());
        assert!(Seal::new([7; 32]).open("b", sealed()).is_none());
    }

    #[test]
    fn no_damage_of_a_single_byte_and_no_cut_goes_unnoticed() {
        let seal = Seal::new([7; 32]);
        for place in 0..sealed().len() {
            let mut damaged = sealed();
            damaged[place] ^= 1;
            assert!(seal.open("a", damaged).is_none(), "byte {place}");
            assert!(seal.open("a", sealed()[..place].to_vec()).is_none(), "cut at {place}");
        }
        assert!(seal.open("a", [sealed(), vec![0]].concat()).is_none());
    }
}
