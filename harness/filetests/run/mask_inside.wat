;; Under a mask, a program that stays inside leaves the same memory as with checks.

;; bounds: mask
;; run: fill(0, 256)
;; run: mix(256) == 1994187327
;; run: mix(255) == 1084311216
;; run: mix(4) == -1327701441
(module
  (memory (export "memory") 256 256 (pagesize 1))
  (func (export "fill") (param i32 i32)
    (loop
      (i32.store8 (local.get 0) (i32.mul (local.get 0) (i32.const 37)))
      (br_if 0
        (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (local.get 1)))))
  ;; Adds up the words below an address and stores the sum so far in place of each.
  (func (export "mix") (param i32) (result i32) (local i32)
    (block
      (loop
        (br_if 1 (i32.lt_u (local.get 0) (i32.const 4)))
        (local.set 0 (i32.sub (local.get 0) (i32.const 4)))
        (local.set 1 (i32.add (i32.load (local.get 0)) (i32.rotl (local.get 1) (i32.const 5))))
        (i32.store (local.get 0) (local.get 1))
        (br 0)))
    (local.get 1)))
