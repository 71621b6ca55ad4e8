;; test: emit=asm stack-check=off

(module
  (func $f (export "f") (param i32) (result i32)
    (i32.add (call $f (local.get 0)) (local.get 0))))
