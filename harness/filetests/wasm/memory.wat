;; What the front end makes of an access, before and after the mid-end.
;; test: emit=clif O=none
(module
  (memory 1)
  (func (export "load") (param i32) (result i32) (i32.load offset=8 (local.get 0)))
  (func (export "twice") (param i32) (result i32)
    (i32.add (i32.load (local.get 0)) (i32.load (local.get 0)))))
