(* SPDX-License-Identifier: MIT
   heap_queue.c for OCaml. *)
type message = Nil | Message of { mutable next : message; body : Bytes.t; id : int; bytes : int }

let head = ref Nil and tail = ref Nil and next_id = ref 0 and sum = ref 0

let put () =
  let bytes = 32 + Lib.below 480 and id = !next_id in
  incr next_id;
  let message = Message { next = Nil; body = Bytes.make bytes (Char.unsafe_chr (id land 255)); id; bytes } in
  (match !tail with Nil -> head := message | Message m -> m.next <- message);
  tail := message

let take () =
  match !head with
  | Nil -> failwith "the queue is empty"
  | Message m ->
    sum := Lib.mix !sum (m.id + m.bytes + Char.code (Bytes.get m.body (m.bytes - 1)));
    head := m.next

let () =
  for _ = 1 to Lib.size do
    put ()
  done;
  Lib.play (Lib.size * 10 / 100)
    ~sum:(fun () -> !sum)
    (fun () ->
      for _ = 1 to 100 do
        put ();
        take ()
      done)
