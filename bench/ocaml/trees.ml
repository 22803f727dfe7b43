(* SPDX-License-Identifier: MIT
   heap_trees.c for OCaml. *)
type node = Nil | Node of node * node

let rec build depth =
  if depth = 0 then Node (Nil, Nil)
  else
    let left = build (depth - 1) in
    Node (left, build (depth - 1))

let rec count = function Nil -> 0 | Node (left, right) -> 1 + count left + count right

let () =
  let size = Lib.size in
  Lib.measure (fun () ->
      let counted = ref (count (build (size + 1))) and expected = ref ((4 lsl size) - 1) in
      let lives_on = build size and depth = ref 4 in
      while !depth <= size do
        let trees = 1 lsl (size - !depth + 4) in
        expected := !expected + (trees * ((2 lsl !depth) - 1));
        for _ = 1 to trees do
          counted := !counted + count (build !depth)
        done;
        depth := !depth + 2
      done;
      if !counted <> !expected || count lives_on <> (2 lsl size) - 1 then failwith "the trees lack nodes")
