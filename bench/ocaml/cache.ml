(* SPDX-License-Identifier: MIT
   heap_cache.c for OCaml: a table of entries that stand in a ring by their use. *)
type entry = { mutable newer : entry; mutable older : entry; value : Bytes.t; key : int }

let sum = ref 0

let () =
  let size = Lib.size and table : (int, entry) Hashtbl.t = Hashtbl.create 16384 in
  let rec ends = { newer = ends; older = ends; value = Bytes.empty; key = -1 } in
  let unlink e =
    e.newer.older <- e.older;
    e.older.newer <- e.newer
  and to_front e =
    let second = ends.older in
    e.older <- second;
    e.newer <- ends;
    second.newer <- e;
    ends.older <- e
  in
  let miss key =
    if Hashtbl.length table = size then begin
      let oldest = ends.newer in
      sum := Lib.mix !sum oldest.key;
      unlink oldest;
      Hashtbl.remove table oldest.key
    end;
    let e = { newer = ends; older = ends; value = Bytes.make 128 (Char.unsafe_chr (key land 255)); key } in
    Hashtbl.add table key e;
    to_front e
  in
  Lib.play (size * 20 / 100)
    ~sum:(fun () -> !sum)
    (fun () ->
      for _ = 1 to 100 do
        let key = Lib.below (2 * size) in
        match Hashtbl.find_opt table key with
        | Some e ->
          sum := Lib.mix !sum (Char.code (Bytes.get e.value 127));
          unlink e;
          to_front e
        | None -> miss key
      done)
