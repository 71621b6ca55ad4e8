#!/usr/bin/env bash
# Rebuilds the corpus: src/NAME.c becomes NAME.wasm beside this script.
#
#   build.sh [NAME...]         all programs, or those named, to wasm (needs clang, wasm-ld, llvm-objcopy)
#   build.sh native [NAME...]  compiles for this machine and prints each checksum, to compare with wasm's
#
# CLANG, OBJCOPY and CC choose other programs. The committed files were built with clang 14.0.6; another
# version may write other bytes, never another checksum.
set -euo pipefail
cd "$(dirname "$0")"

CLANG=${CLANG:-clang}
OBJCOPY=${OBJCOPY:-llvm-objcopy}
CC=${CC:-cc}

# Wasm 1.0 and sign extension: the operators of the integer code generator. Store merging is off because it
# joins two 32-bit stores to an i64 store; freestanding keeps loops from becoming calls of memcpy. With
# reference types, of which no program has any, clang 14 leaves out a table that nobody uses.
COMPILE=(
    --target=wasm32 -mcpu=mvp -msign-ext -mreference-types -O2 -std=c11 -Wall -Wextra -Werror
    -ffreestanding -fno-ident -mllvm -combiner-store-merging=false
)
# One memory of exactly one page: data from 1024 on, then the stack.
LINK=(
    -nostdlib -Wl,--no-entry -Wl,-z,stack-size=4096
    -Wl,--initial-memory=65536 -Wl,--max-memory=65536
)

build_wasm() {
    "$CLANG" "${COMPILE[@]}" "${LINK[@]}" "src/$1.c" -o "$1.wasm"
    "$OBJCOPY" --remove-section=producers --remove-section=target_features "$1.wasm"
    chmod a-x "$1.wasm"
}

run_native() {
    "$CC" -O1 -std=c11 -fwrapv "src/$1.c" -o "$scratch/$1"
    printf '%-22s %s\n' "$1" "$("$scratch/$1")"
}

action=build_wasm
if [[ ${1:-} == native ]]; then
    action=run_native
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    shift
fi

names=("$@")
if [[ ${#names[@]} == 0 ]]; then
    for source in src/*.c; do names+=("$(basename "$source" .c)"); done
fi
for name in "${names[@]}"; do "$action" "$name"; done
