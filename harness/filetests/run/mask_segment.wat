;; A segment is checked under a mask, too.

;; bounds: mask
;; start-trap: out of bounds memory access
(module
  (memory 1 1)
  (data (i32.const 65535) "ab"))
