;; start-trap: unreachable
(module
  (func $start (unreachable))
  (start $start))
