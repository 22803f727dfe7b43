(* SPDX-License-Identifier: MIT
   heap_splay.c for OCaml: top-down splaying (Sleator and Tarjan 1985). Keys are integers, which take no object. *)
let tree_nodes = 8000
let payload_depth = 5

type payload = Leaf of int array * Bytes.t | Pair of payload * payload
type node = Nil | Node of { mutable left : node; mutable right : node; payload : payload; key : int }

let text = Bytes.init 40 (fun i -> let s = "String for a key in a leaf node" in if i < String.length s then s.[i] else '\000')

let rec payload depth =
  if depth = 0 then Leaf (Array.init 10 (fun i -> i), Bytes.copy text)
  else
    let first = payload (depth - 1) in
    Pair (first, payload (depth - 1))

let left = function Node n -> n.left | Nil -> Nil
let right = function Node n -> n.right | Nil -> Nil
let key = function Node n -> n.key | Nil -> failwith "no node"
let set_left t v = match t with Node n -> n.left <- v | Nil -> ()
let set_right t v = match t with Node n -> n.right <- v | Nil -> ()

let splay root wanted =
  let t = ref root and left_root = ref Nil and left_last = ref Nil and right_root = ref Nil and right_last = ref Nil in
  let to_right () =
    if !right_last == Nil then right_root := !t else set_left !right_last !t;
    right_last := !t;
    t := left !t
  and to_left () =
    if !left_last == Nil then left_root := !t else set_right !left_last !t;
    left_last := !t;
    t := right !t
  in
  let rec go () =
    if wanted < key !t && left !t != Nil then begin
      if wanted < key (left !t) then begin
        let up = left !t in
        set_left !t (right up);
        set_right up !t;
        t := up
      end;
      if left !t != Nil then begin to_right (); go () end
    end
    else if wanted > key !t && right !t != Nil then begin
      if wanted > key (right !t) then begin
        let up = right !t in
        set_right !t (left up);
        set_left up !t;
        t := up
      end;
      if right !t != Nil then begin to_left (); go () end
    end
  in
  go ();
  if !left_last != Nil then begin
    set_right !left_last (left !t);
    set_left !t !left_root
  end;
  if !right_last != Nil then begin
    set_left !right_last (right !t);
    set_right !t !right_root
  end;
  !t

let insert root node =
  if root == Nil then node
  else begin
    let root = splay root (key node) in
    if key node > key root then begin
      set_left node root;
      set_right node (right root);
      set_right root Nil
    end
    else begin
      set_right node root;
      set_left node (left root);
      set_left root Nil
    end;
    node
  end

let remove_root root =
  if left root == Nil then right root
  else begin
    let t = splay (left root) (key root) in
    set_right t (right root);
    t
  end

let fresh () =
  let high = Lib.below (1 lsl 21) in
  Node { left = Nil; right = Nil; payload = payload payload_depth; key = (high lsl 21) lor Lib.below (1 lsl 21) }

let change root =
  let root = insert root (fresh ()) in
  if left root == Nil then remove_root root
  else begin
    let victim = ref (left root) in
    while right !victim != Nil do
      victim := right !victim
    done;
    remove_root (splay root (key !victim))
  end

let () =
  let root = ref Nil in
  for _ = 1 to tree_nodes do
    root := insert !root (fresh ())
  done;
  Lib.play Lib.size (fun () -> root := change !root);
  let count = ref 0 in
  while !root != Nil do
    incr count;
    root := remove_root !root
  done;
  if !count <> tree_nodes then failwith "the tree has lost nodes"
