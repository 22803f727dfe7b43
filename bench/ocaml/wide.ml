(* SPDX-License-Identifier: MIT
   heap_wide.c for OCaml. *)
type item = { value : int; mutable other : int }

let id = ref 0 and finished = ref 0

let fresh () =
  let value = !id in
  incr id;
  { value; other = 0 }

let () =
  let size = Lib.size in
  let arrays = Array.init 4 (fun _ -> Array.init size (fun _ -> fresh ())) in
  Lib.play 4000
    ~sum:(fun () ->
      Array.fold_left (fun sum array -> Array.fold_left (fun sum item -> Lib.mix sum (item.value + item.other)) sum array) 0 arrays)
    (fun () ->
      for _ = 1 to 100 do
        let item = fresh () in
        let array = arrays.(Lib.below 4) in
        array.(Lib.below size) <- item
      done;
      incr finished;
      if !finished mod 40 = 0 then begin
        let which = !finished / 40 mod 4 in
        arrays.(which) <- Array.copy arrays.(which)
      end)
