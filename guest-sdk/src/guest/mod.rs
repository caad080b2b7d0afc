//! A space as a component: the exports that the host calls, and what the code made by `#[space]` writes to get them. It knows the
//! generated bindings and the trait `Space`; a handler that panics is reported and traps.

pub mod bindings;
mod exported;
mod panics;

pub use exported::Exported;

/// Exports `handler`, and with it the import of whatever the space uses.
#[doc(hidden)]
#[macro_export]
macro_rules! export {
    ($space:ty) => {
        const _: () = {
            type Exported = $crate::guest::Exported<$space>;
    $crate::guest::bindings::space::export_handler!(Exported with_types_in $crate::guest::bindings::space);
        };
    };
}

/// Exports `handler` and `lifecycle`. The component's type is the sum of both sections that the linker finds.
#[doc(hidden)]
#[macro_export]
macro_rules! export_with_lifecycle {
    ($space:ty) => {
        $crate::export!($space);
        const _: () = {
            type Exported = $crate::guest::Exported<$space>;
            $crate::guest::bindings::lifecycle::export_lifecycle!(Exported with_types_in $crate::guest::bindings::lifecycle);
        };
    };
}
