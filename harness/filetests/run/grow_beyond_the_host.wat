;; The declared maximum is ten pages, and the host hands over two.

;; memory: 131072
;; emulator: grow(9) == -1
;; emulator: grow(2) == -1
;; emulator: grow(1) == 1
;; emulator: grow(1) == -1
;; emulator: size() == 2
(module
  (memory (export "memory") 1 10)
  (func (export "size") (result i32) (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
