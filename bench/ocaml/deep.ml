(* SPDX-License-Identifier: MIT
   heap_deep.c for OCaml: its lists are such. *)
let () =
  let size = Lib.size in
  let old = ref [] and young = ref [] and length = ref 0 in
  for _ = 1 to size do
    old := Lib.below (1 lsl 20) :: !old
  done;
  Lib.play
    (size / 500 * 4)
    ~sum:(fun () -> List.fold_left Lib.mix (List.fold_left Lib.mix 0 !old) !young)
    (fun () ->
      if !length = size then begin
        young := [];
        length := 0
      end;
      for _ = 1 to 500 do
        young := Lib.below (1 lsl 20) :: !young
      done;
      length := !length + 500)
