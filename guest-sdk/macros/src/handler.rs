//! One handler method, read from its signature. It owns the rules of what a handler may look like; it knows nothing of the
//! other handlers, nor of the code made from it. It fails with an error at the part of the signature that is wrong.

use syn::{Error, FnArg, GenericArgument, Ident, ImplItemFn, PathArguments, Receiver, Result, ReturnType, Type};

use crate::docs;
use crate::kind::{self, Kind};

/// A method that handles messages.
pub struct Handler {
    pub kind: Kind,
    pub method: Ident,
    pub parameters: Vec<Parameter>,
    /// None where the method returns nothing.
    pub output: Option<Type>,
    pub doc: String,
}

/// What a handler asks for, in the order of its signature.
pub enum Parameter {
    Context,
    Input(Box<Type>),
    /// The version that `#[migrate]` starts from.
    From,
}

impl Handler {
    /// None when the method is no handler.
    pub fn read(method: &ImplItemFn) -> Result<Option<Self>> {
        let signature = &method.sig;
        let Some(kind) = kind::of(&signature.ident, &method.attrs)? else {
            return Ok(None);
        };
        refuse_modifiers(method)?;
        let output = match &signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, output) => Some(output.as_ref().clone()),
        };
        let parameters = parameters(&kind, method)?;
        Ok(Some(Handler { kind, method: signature.ident.clone(), parameters, output, doc: docs::of(&method.attrs) }))
    }

    /// The type of the body, if the handler looks at it.
    pub fn input(&self) -> Option<&Type> {
        self.parameters.iter().find_map(|parameter| match parameter {
            Parameter::Input(input) => Some(input.as_ref()),
            _ => None,
        })
    }
}

fn refuse_modifiers(method: &ImplItemFn) -> Result<()> {
    let signature = &method.sig;
    if let Some(word) = &signature.asyncness {
        return Err(Error::new_spanned(
            word,
            "a handler is not `async`: a turn handles one message and host calls return at once; write `fn`",
        ));
    }
    if let Some(word) = &signature.unsafety {
        return Err(Error::new_spanned(word, "a handler is not `unsafe`: write `fn`"));
    }
    if !signature.generics.params.is_empty() {
        let why = "a handler is not generic: its types are part of the descriptor; write concrete types";
        return Err(Error::new_spanned(&signature.generics, why));
    }
    Ok(())
}

fn parameters(kind: &Kind, method: &ImplItemFn) -> Result<Vec<Parameter>> {
    let mut inputs = method.sig.inputs.iter();
    match inputs.next() {
        Some(FnArg::Receiver(receiver)) => check_receiver(receiver)?,
        _ => {
            return Err(Error::new_spanned(
                &method.sig.ident,
                "a handler is a method: write `&self` as its first parameter",
            ));
        }
    }
    let mut found = Vec::new();
    for input in inputs {
        let FnArg::Typed(input) = input else { continue };
        let parameter = parameter(kind, &input.ty)?;
        if found.iter().any(|other| std::mem::discriminant(other) == std::mem::discriminant(&parameter)) {
            return Err(Error::new_spanned(input, too_many(&parameter)));
        }
        found.push(parameter);
    }
    Ok(found)
}

fn check_receiver(receiver: &Receiver) -> Result<()> {
    let by_shared_reference =
        receiver.reference.is_some() && receiver.mutability.is_none() && receiver.colon_token.is_none();
    if by_shared_reference {
        return Ok(());
    }
    let why = "a handler takes `&self`: guest memory is not state, cells are written through `&self`; write `&self`";
    Err(Error::new_spanned(receiver, why))
}

fn parameter(kind: &Kind, ty: &Type) -> Result<Parameter> {
    if is_context(ty) {
        return Ok(Parameter::Context);
    }
    match kind {
        Kind::Start => Err(Error::new_spanned(ty, "`#[start]` takes no input: write `fn start(&self, ctx: &Context)`")),
        Kind::Migrate if is_optional_text(ty) => Ok(Parameter::From),
        Kind::Migrate => {
            let why = "`#[migrate]` takes the version that wrote the state: write `from: Option<&str>`";
            Err(Error::new_spanned(ty, why))
        }
        _ => match ty {
            Type::Reference(reference) if is_ident(&reference.elem, "Context") => {
                Err(Error::new_spanned(ty, "the context is shared: write `ctx: &Context`"))
            }
            Type::Reference(_) => {
                let why = "a handler owns its input: write the type without `&` (`String` instead of `&str`)";
                Err(Error::new_spanned(ty, why))
            }
            _ => Ok(Parameter::Input(Box::new(ty.clone()))),
        },
    }
}

fn too_many(parameter: &Parameter) -> &'static str {
    match parameter {
        Parameter::Context => "a handler takes the context once: write `ctx: &Context`",
        Parameter::Input(_) => "a handler takes one input, for a message has one body: put both into one struct",
        Parameter::From => "`#[migrate]` takes one version: write `from: Option<&str>`",
    }
}

fn is_context(ty: &Type) -> bool {
    matches!(ty, Type::Reference(reference) if reference.mutability.is_none() && is_ident(&reference.elem, "Context"))
}

fn is_ident(ty: &Type, ident: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == ident))
}

fn is_optional_text(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let Some(option) = path.path.segments.last().filter(|segment| segment.ident == "Option") else {
        return false;
    };
    let PathArguments::AngleBracketed(arguments) = &option.arguments else {
        return false;
    };
    matches!(arguments.args.first(), Some(GenericArgument::Type(Type::Reference(inner))) if is_ident(&inner.elem, "str"))
}
