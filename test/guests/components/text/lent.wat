;; What is lent to an async function of another component is not its own: dropped there, it lives on.
(component
  (component $Owner
    (core module $Count
      (global $dropped (mut i32) (i32.const 0))
      (func (export "drop") (param i32)
        (global.set $dropped (i32.add (global.get $dropped) (i32.const 1))))
      (func (export "dropped") (result i32) (global.get $dropped)))
    (core instance $count (instantiate $Count))
    (type $thing' (resource (rep i32) (dtor (core func $count "drop"))))
    (canon resource.new $thing' (core func $new))
    (export $thing "thing" (type $thing'))
    ;; The host's own function, lifted as it is.
    (func (export "new") (param "rep" u32) (result (own $thing)) (canon lift (core func $new)))
    (func (export "dropped") (result u32) (canon lift (core func $count "dropped"))))
  (component $Borrower
    (import "owner" (instance $owner (export "thing" (type $thing (sub resource)))))
    (alias export $owner "thing" (type $thing))
    (canon resource.drop $thing (core func $drop))
    (canon task.return (core func $return))
    (core module $Code
      (import "" "drop" (func $drop (param i32)))
      (import "" "return" (func $return))
      (func (export "look") (param i32) (result i32)
        (call $drop (local.get 0))
        (call $return)
        (i32.const 0))
      (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
    (core instance $code (instantiate $Code (with "" (instance
      (export "drop" (func $drop)) (export "return" (func $return))))))
    (func (export "look") async (param "thing" (borrow $thing))
      (canon lift (core func $code "look") async (callback (core func $code "callback")))))
  (component $Caller
    (import "owner" (instance $owner
      (export "thing" (type $thing (sub resource)))
      (export "new" (func (param "rep" u32) (result (own $thing))))
      (export "dropped" (func (result u32)))))
    (alias export $owner "thing" (type $thing))
    (import "borrower" (instance $borrower
      (export "look" (func async (param "thing" (borrow $thing))))))
    (canon lower (func $owner "new") (core func $new))
    (canon lower (func $owner "dropped") (core func $dropped))
    (canon lower (func $borrower "look") (core func $look))
    (canon resource.drop $thing (core func $drop))
    (core module $Code
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "dropped" (func $dropped (result i32)))
      (import "" "look" (func $look (param i32)))
      (import "" "drop" (func $drop (param i32)))
      (func (export "run") (result i32) (local $thing i32)
        (local.set $thing (call $new (i32.const 7)))
        (call $look (local.get $thing))
        (if (call $dropped) (then unreachable))
        (call $drop (local.get $thing))
        ;; 0 is the good end.
        (i32.ne (call $dropped) (i32.const 1))))
    (core instance $code (instantiate $Code (with "" (instance
      (export "new" (func $new)) (export "dropped" (func $dropped))
      (export "look" (func $look)) (export "drop" (func $drop))))))
    (func (export "run") async (result (result)) (canon lift (core func $code "run"))))
  (instance $owner (instantiate $Owner))
  (instance $borrower (instantiate $Borrower (with "owner" (instance $owner))))
  (instance $caller (instantiate $Caller
    (with "owner" (instance $owner)) (with "borrower" (instance $borrower))))
  (instance $run (export "run" (func $caller "run")))
  (export "wasi:cli/run@0.3.0" (instance $run)))
