#!/usr/bin/env bash
# Rebuilds the corpus: src/NAME.c becomes NAME.wasm beside this script.
#
#   build.sh [NAME...]         all programs, or those named, to wasm (needs clang, wasm-ld, obj2yaml, yaml2obj)
#   build.sh native [NAME...]  compiles for this machine and prints each checksum, to compare with wasm's
#
# CLANG, OBJ2YAML, YAML2OBJ and CC choose other programs. The committed files were built with clang 14.0.6;
# another version may write other bytes, never another checksum.
set -euo pipefail
cd "$(dirname "$0")"

CLANG=${CLANG:-clang}
OBJ2YAML=${OBJ2YAML:-obj2yaml}
YAML2OBJ=${YAML2OBJ:-yaml2obj}
CC=${CC:-cc}

# Wasm 1.0 and sign extension; a source asks for more in a line `// clang: FLAGS`. Store merging is off because
# it joins two 32-bit stores to an i64 store; freestanding keeps loops from becoming calls of memcpy; without
# errno a square root is an operator.
COMPILE=(
    --target=wasm32 -mcpu=mvp -msign-ext -O2 -std=c11 -Wall -Wextra -Werror
    -ffreestanding -fno-ident -fno-math-errno -mllvm -combiner-store-merging=false
)
# One memory of exactly one page, unless the source says otherwise: data from 1024 on, then the stack.
LINK=(
    -nostdlib -Wl,--no-entry -Wl,-z,stack-size=4096
    -Wl,--initial-memory=65536 -Wl,--max-memory=65536
)

# Drops whole sections from a module as YAML: what tools wrote about themselves, and the function table that
# clang 14 asks for even if nothing calls through it.
drop_sections() {
    awk 'NR == FNR { if (/^  - Type: +ELEM$/) called = 1; next }
         /^  - Type:/ { type = $3; drop = 0 }
         /^    Name: +(producers|target_features)$/ { drop = 1 }
         type == "TABLE" && !called { next }
         type == "CUSTOM" && /^  - Type:/ { held = $0; next }
         held != "" { if (!drop) print held; held = "" }
         drop { next }
         { print }' "$1" "$1"
}

build_wasm() {
    local more
    read -ra more < <(sed -n 's|^// clang: ||p' "src/$1.c") || true
    "$CLANG" "${COMPILE[@]}" "${LINK[@]}" "${more[@]}" "src/$1.c" -o "$scratch/$1.wasm"
    "$OBJ2YAML" "$scratch/$1.wasm" >"$scratch/$1.yaml"
    drop_sections "$scratch/$1.yaml" | "$YAML2OBJ" -o "$1.wasm"
    chmod a-x "$1.wasm"
}

run_native() {
    "$CC" -O1 -std=c11 -fwrapv "src/$1.c" -o "$scratch/$1" -lm
    printf '%-22s %s\n' "$1" "$("$scratch/$1")"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
action=build_wasm
if [[ ${1:-} == native ]]; then
    action=run_native
    shift
fi

names=("$@")
if [[ ${#names[@]} == 0 ]]; then
    for source in src/*.c; do names+=("$(basename "$source" .c)"); done
fi
for name in "${names[@]}"; do "$action" "$name"; done
