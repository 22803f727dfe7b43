(* SPDX-License-Identifier: MIT
   heap_buffers.c for OCaml, which has the bytes in its own heap, as Boehm's collector. *)
let id = ref 0 and sum = ref 0

let fresh () =
  let bytes = 4096 + Lib.below (62 * 1024) and value = !id land 255 in
  incr id;
  Bytes.make bytes (Char.unsafe_chr value)

let () =
  let size = Lib.size in
  let table = Array.make size Bytes.empty in
  for i = 0 to size - 1 do
    table.(i) <- fresh ()
  done;
  Lib.play 2000
    ~sum:(fun () -> !sum)
    (fun () ->
      for _ = 1 to 10 do
        let buffer = fresh () in
        let at = Lib.below size in
        let old = table.(at) in
        let n = Bytes.length old in
        sum := Lib.mix !sum (n + Char.code (Bytes.get old (n - 1)));
        table.(at) <- buffer
      done)
