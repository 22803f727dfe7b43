(* SPDX-License-Identifier: MIT
   heap_strings.c for OCaml. *)
let () =
  let size = Lib.size in
  let table = Array.make size "" in
  for i = 0 to size - 1 do
    table.(i) <- String.init 48 (fun _ -> Char.chr (97 + Lib.below 26))
  done;
  Lib.play (size * 20 / 100)
    ~sum:(fun () ->
      Array.fold_left
        (fun sum s ->
          let byte i = Char.code s.[i] and n = String.length s in
          Lib.mix (Lib.mix (Lib.mix sum n) (byte 0)) (byte (n - 1)))
        0 table)
    (fun () ->
      for _ = 1 to 100 do
        let a = table.(Lib.below size) in
        let b = table.(Lib.below size) in
        let into = Lib.below size in
        let of_a = min (1 + Lib.below 48) (String.length a) in
        let of_b = min (1 + Lib.below 48) (String.length b) in
        let joined = Bytes.create (of_a + of_b) in
        Bytes.blit_string a 0 joined 0 of_a;
        Bytes.blit_string b 0 joined of_a of_b;
        table.(into) <- Bytes.unsafe_to_string joined
      done)
