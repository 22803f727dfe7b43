(* SPDX-License-Identifier: MIT
   heap_churn.c for OCaml. *)
type node = { mutable first : node; mutable second : node; mutable leaf : Bytes.t; id : int }

let leaf_of id =
  let leaf = Bytes.create 96 in
  Bytes.set_int64_ne leaf 0 (Int64.of_int id);
  leaf

let () =
  let size = Lib.size in
  let table = Array.init size (fun id -> let rec node = { first = node; second = node; leaf = leaf_of id; id } in node) in
  Array.iter
    (fun node ->
      node.first <- table.(Lib.below size);
      node.second <- table.(Lib.below size))
    table;
  Lib.play (size / 35) (fun () ->
      for _ = 1 to 100 do
        let node = table.(Lib.below size) in
        node.leaf <- leaf_of node.id;
        node.first <- table.(Lib.below size)
      done);
  Array.iteri
    (fun i node -> if node.id <> i || Bytes.get_int64_ne node.leaf 0 <> Int64.of_int i then failwith "a node has lost its leaf")
    table
