;; The explicit check of an access, and its absence for hosts with an MPU.
;; test: emit=asm O=speed
(module
  (memory 1)
  (func (export "load") (param i32) (result i32) (i32.load offset=8 (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1))))
