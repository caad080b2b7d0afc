//! Components that no SDK makes: others bent out of shape, and one written byte by byte.

/// A component with a name in it replaced by one of the same length, wherever it stands. All references go by name, so
/// what comes out is as valid as what went in.
pub fn renamed(component: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "lengths are part of the format");
    let mut bytes = component.to_vec();
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from.as_bytes())).collect();
    assert!(!places.is_empty(), "`{from}` is not in the component");
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

/// A component in which two functions of one interface have each other's name, and so each other's type.
pub fn exchanged(component: &[u8], one: &str, other: &str) -> Vec<u8> {
    let parked = "~".repeat(one.len());
    renamed(&renamed(&renamed(component, one, &parked), other, one), &parked, other)
}

/// A valid core module: one function that answers 0.
pub fn core_module() -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, 1, &[1, 0x60, 0, 1, 0x7f]);
    section(&mut module, 3, &[1, 0]);
    section(&mut module, 7, &[1, 1, b'f', 0, 0]);
    section(&mut module, 10, &[1, 4, 0, 0x41, 0, 0x0b]);
    module
}

/// A component with one long function, which takes its compiler more memory than most.
pub fn wide(steps: usize) -> Vec<u8> {
    // x * x + x, over and over.
    let step = [0x20, 0, 0x6c, 0x20, 0, 0x6a];
    with_function(&[&[0x20, 0][..], &step.repeat(steps)].concat())
}

/// A component with one function of nested blocks, which takes its compiler more time than most.
pub fn deep(blocks: usize) -> Vec<u8> {
    let [begin, end] = [&[0x02, 0x40, 0x20, 0, 0x0d, 0][..], &[0x0b]];
    with_function(&[begin.repeat(blocks), end.repeat(blocks), vec![0x20, 0]].concat())
}

/// A component that holds a module with a function of that code, from a number to a number.
fn with_function(code: &[u8]) -> Vec<u8> {
    let function = [&[0][..], code, &[0x0b]].concat();
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, 1, &[1, 0x60, 1, 0x7f, 1, 0x7f]);
    section(&mut module, 3, &[1, 0]);
    section(&mut module, 10, &[&[1][..], &length(function.len()), &function].concat());
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    section(&mut component, 1, &module);
    component
}

/// A component in a component, so deep.
pub fn nested(depth: usize) -> Vec<u8> {
    const HEAD: &[u8] = b"\0asm\x0d\0\x01\0";
    const COMPONENT: u8 = 4;
    let mut sizes = vec![HEAD.len()];
    for _ in 0..depth {
        let inner = sizes[sizes.len() - 1];
        sizes.push(HEAD.len() + 1 + length(inner).len() + inner);
    }
    let mut component = HEAD.to_vec();
    for inner in sizes.iter().rev().skip(1) {
        component.push(COMPONENT);
        component.extend(length(*inner));
        component.extend(HEAD);
    }
    component
}

/// A component of these sections, each with its id.
pub fn component_of(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    sections.iter().for_each(|(id, payload)| section(&mut component, *id, payload));
    component
}

/// The component with so many core instances more, of a module that has nothing but a function.
pub fn crowded(component: &[u8], instances: u32) -> Vec<u8> {
    let module = u8::try_from(core_modules(component)).expect("a few modules");
    let mut crowded = component.to_vec();
    section(&mut crowded, 1, &core_module());
    let instance = [0, module, 0];
    section(&mut crowded, 2, &[length(instances as usize), instance.repeat(instances as usize)].concat());
    crowded
}

/// How many core modules lie in a component.
fn core_modules(component: &[u8]) -> usize {
    let (mut modules, mut at) = (0, 8);
    while at < component.len() {
        modules += usize::from(component[at] == 1);
        let (mut size, mut shift) = (0, 0);
        loop {
            at += 1;
            size |= usize::from(component[at] & 0x7f) << shift;
            shift += 7;
            if component[at] & 0x80 == 0 {
                break;
            }
        }
        at += 1 + size;
    }
    modules
}

/// A component whose `describe` answers a number.
pub fn describes_itself_by_a_number() -> Vec<u8> {
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    section(&mut component, 1, &core_module());
    // Instantiate the module, take its function, and lift it as `func() -> u32`.
    section(&mut component, 2, &[1, 0, 0, 0]);
    section(&mut component, 6, &[1, 0, 0, 1, 0, 1, b'f']);
    section(&mut component, 7, &[1, 0x40, 0, 0, 0x79]);
    section(&mut component, 8, &[1, 0, 0, 0, 0, 0]);
    // An instance that exports it as `describe`, itself exported as the handler.
    section(&mut component, 5, &[&[1, 1, 1][..], &name("describe"), &[1, 0]].concat());
    section(&mut component, 11, &[&[1][..], &name("spacehost:space/handler@1.0.0"), &[5, 0, 0]].concat());
    component
}

fn section(into: &mut Vec<u8>, id: u8, payload: &[u8]) {
    into.push(id);
    into.extend(length(payload.len()));
    into.extend(payload);
}

/// Seven bits in each byte, the lowest first.
fn length(mut length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes
}

fn name(name: &str) -> Vec<u8> {
    [&[0, short(name.len())], name.as_bytes()].concat()
}

fn short(length: usize) -> u8 {
    u8::try_from(length).ok().filter(|length| *length < 128).expect("a short length")
}
