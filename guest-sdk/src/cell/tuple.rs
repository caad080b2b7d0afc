//! Tuples as keys, their members parted by `#`, which no member contains and which sorts before whatever one may contain. It owns
//! that spelling; a text of another shape gives none.

use crate::cell::{AsKey, Key, KeyText};

/// A tuple by its first member, which may be borrowed: `map.under("eu")` where the keys are `(String, u64)`.
pub trait Leading<First: ?Sized> {}

/// Of each member its type, and what names it.
macro_rules! tuple {
    ($first:ident $first_named:ident $(, $rest:ident $rest_named:ident)*) => {
        #[allow(non_snake_case)]
        impl<$first: KeyText, $($rest: KeyText),*> KeyText for ($first, $($rest),*) {
            fn write(&self, text: &mut String) {
                let ($first, $($rest),*) = self;
                $first.write(text);
                $( text.push('#'); $rest.write(text); )*
            }
        }

        impl<$first: Key, $($rest: Key),*> Key for ($first, $($rest),*) {
            fn read(text: &str) -> Option<Self> {
                let mut members = text.split('#');
                let key = ($first::read(members.next()?)?, $($rest::read(members.next()?)?),*);
                members.next().is_none().then_some(key)
            }
        }

        impl<$first, $($rest,)* $first_named: AsKey<$first>, $($rest_named: AsKey<$rest>),*>
            AsKey<($first, $($rest),*)> for ($first_named, $($rest_named),*) {}

        impl<Q: AsKey<$first> + ?Sized, $first, $($rest),*> Leading<Q> for ($first, $($rest),*) {}
    };
}

tuple!(A X, B Y);
tuple!(A X, B Y, C Z);
tuple!(A X, B Y, C Z, D W);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuples_sort_by_their_members_and_come_back() {
        let mut keys = [("a", 2u8), ("a", 10), ("a!", 1), ("a b", 1), ("ab", 1), ("", 3), ("a#1", 0)]
            .map(|(s, n)| (s.to_owned(), n));
        keys.sort();
        assert!(keys.clone().map(|key| key.text()).is_sorted());
        for key in keys {
            assert_eq!(<(String, u8)>::read(&key.text()), Some(key));
        }
    }

    #[test]
    fn a_tuple_has_all_its_members_and_no_more() {
        assert_eq!(("eu", 7u8).text(), "eu#007");
        assert_eq!(<(String, u8)>::read("eu"), None);
        assert_eq!(<(String, u8)>::read("eu#007#1"), None);
        assert_eq!(<(u8, i8, bool, String)>::read("001#002#true#x"), Some((1, 2, true, "x".to_owned())));
    }
}
