(* SPDX-License-Identifier: MIT
   heap_gcbench.c for OCaml. *)
type node = Nil | Node of { mutable left : node; mutable right : node; mutable i : int; mutable j : int }

let nodes depth = (2 lsl depth) - 1
let leaf () = Node { left = Nil; right = Nil; i = 0; j = 0 }

let rec make depth =
  if depth = 0 then leaf ()
  else
    let left = make (depth - 1) in
    let right = make (depth - 1) in
    Node { left; right; i = 0; j = 0 }

let rec populate depth = function
  | Node n when depth > 0 ->
    n.left <- leaf ();
    n.right <- leaf ();
    populate (depth - 1) n.left;
    populate (depth - 1) n.right
  | _ -> ()

let () =
  Lib.measure (fun () ->
      ignore (Sys.opaque_identity (make 18));
      let lives_on = leaf () and array = Array.make 500000 0. in
      populate 16 lives_on;
      for i = 1 to (Array.length array / 2) - 1 do
        array.(i) <- 1. /. float_of_int i
      done;
      let depth = ref 4 in
      while !depth <= 16 do
        let trees = 2 * nodes 18 / nodes !depth in
        for _ = 1 to trees do
          populate !depth (leaf ())
        done;
        for _ = 1 to trees do
          ignore (Sys.opaque_identity (make !depth))
        done;
        depth := !depth + 2
      done;
      match lives_on with
      | Node { left = Node _; _ } when array.(1000) = 1. /. 1000. -> ()
      | _ -> failwith "what lives on has changed")
