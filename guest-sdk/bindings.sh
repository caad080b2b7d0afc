#!/bin/sh
# Writes src/guest/bindings/*.rs from wit/space.wit. Run it after a change of the contract; authors never need it.
#   cargo install wit-bindgen-cli --version 0.61.1 --no-default-features --features rust --root /tmp/wit-bindgen
#   PATH=/tmp/wit-bindgen/bin:$PATH guest-sdk/bindings.sh
set -eu
cd "$(dirname "$0")"
out=src/guest/bindings
wit=$(mktemp -d)
trap 'rm -r "$wit"' EXIT
cp ../wit/space.wit "$wit"
# The life cycle alone, so that its exports can be added to those of the world `space`, or left out.
printf '\nworld only-lifecycle { export lifecycle; }\n' >>"$wit/space.wit"

generate() { # world, file, macro, further options
    world=$1 file=$2 macro=$3
    shift 3
    wit-bindgen rust "$wit" --world "$world" --out-dir "$wit" --format --pub-export-macro \
        --export-macro-name "$macro" --runtime-path wit_bindgen::rt \
        --default-bindings-module "spacehost_sdk::guest::bindings::$file" "$@"
    mv "$wit/$(echo "$world" | tr - _).rs" "$out/$file.rs"
}
generate space space export_handler
generate only-lifecycle lifecycle export_lifecycle \
    --with spacehost:space/types@1.0.0=crate::guest::bindings::space::spacehost::space::types
