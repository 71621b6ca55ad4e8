;; The same under a mask: the address is wrapped in place of a check.
;; test: emit=asm O=speed bounds=mask
(module
  (memory 1)
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "indexed") (param i32 i32) (result i32)
    (i32.load (i32.add (local.get 0) (i32.shl (local.get 1) (i32.const 2)))))
  (func (export "store") (param i32 i32) (i32.store8 offset=8 (local.get 0) (local.get 1))))
