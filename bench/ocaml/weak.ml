(* SPDX-License-Identifier: MIT
   heap_weak.c for OCaml: a table of ephemerons by identity. The data refer to their own key. *)
type thing = { id : int; mutable touched : bool }
type extra = { thing : thing; value : int }

module Table = Ephemeron.K1.Make (struct
  type t = thing

  let equal = ( == )
  let hash thing = Hashtbl.hash thing.id
end)

let id = ref 0 and sum = ref 0

let () =
  let size = Lib.size in
  let extras = Table.create 32768 in
  let add () =
    let thing = { id = !id; touched = false } in
    incr id;
    Table.add extras thing { thing; value = thing.id * 7 };
    thing
  in
  let table = Array.init size (fun _ -> add ()) in
  Lib.play (size * 10 / 100)
    ~sum:(fun () -> !sum)
    (fun () ->
      for _ = 1 to 100 do
        let where = Lib.below size in
        let other = Lib.below size in
        table.(where) <- add ();
        let extra = Table.find extras table.(other) in
        extra.thing.touched <- true;
        sum := Lib.mix !sum extra.value
      done)
