(* SPDX-License-Identifier: MIT

   lib.ml: times a program and prints its figures as `bench --alone` does: the OCaml half of node/lib.js.

   OCaml has no limit for its heap. A second argument is one in words: who has taken more at the end is shown as failed. *)

let status_bytes field =
  let file = open_in "/proc/self/status" in
  let rec look () =
    match input_line file with
    | line when String.length line > String.length field && String.sub line 0 (String.length field) = field ->
      Scanf.sscanf (String.sub line (String.length field) (String.length line - String.length field)) ": %d" (fun kb -> kb * 1024)
    | _ -> look ()
    | exception End_of_file -> 0
  in
  let bytes = look () in
  close_in file;
  bytes

(* Read before the program does anything. *)
let zero = status_bytes "VmRSS"
let size = int_of_string Sys.argv.(1)
let most_words = if Array.length Sys.argv > 2 then int_of_string Sys.argv.(2) else max_int

(* As heap_below of heap_support.h; and a checksum of what was read, as heap_mix. *)
let random = ref 0x2545f491

let below bound =
  let x = !random in
  let x = x lxor (x lsl 13) land 0xffffffff in
  let x = x lxor (x lsr 17) in
  let x = x lxor (x lsl 5) land 0xffffffff in
  random := x;
  (x * bound) lsr 32

let mix sum value = (sum * 31 + value) land 0x1fffffff

(* ---- steps, outside OCaml's heap *)

type times = (float, Bigarray.float64_elt, Bigarray.c_layout) Bigarray.Array1.t

let at sorted share =
  let n = Array.length sorted in
  sorted.(min (n - 1) (int_of_float (share *. float_of_int n)))

(* The least share of a window that is left: it begins or ends with a pause. *)
let utilisation first last pauses window =
  let most = ref 0. in
  for i = 0 to pauses - 1 do
    let until = first.(i) +. window and inside = ref 0. and k = ref i in
    while !k < pauses && first.(!k) < until do
      inside := !inside +. min last.(!k) until -. first.(!k);
      incr k
    done;
    most := max !most !inside;
    let from = last.(i) -. window and inside = ref 0. and k = ref i in
    while !k >= 0 && last.(!k) > from do
      inside := !inside +. last.(!k) -. max first.(!k) from;
      decr k
    done;
    most := max !most !inside
  done;
  max 0. (1. -. !most /. window)

let step_lines (steps : times) =
  let n = Bigarray.Array1.dim steps in
  let sorted = Array.init n (fun i -> steps.{i}) in
  Array.stable_sort compare sorted;
  List.iter
    (fun (name, share) -> Printf.printf "counter step_%s_wall_ns %.0f\n" name (at sorted share))
    [ "p50", 0.5; "p999", 0.999; "p9999", 0.9999; "max", 1. ];
  let first = Array.make n 0. and last = Array.make n 0. and median = at sorted 0.5 in
  let now = ref 0. and pauses = ref 0 in
  for i = 0 to n - 1 do
    (* what a step takes beyond the median counts as a pause *)
    if steps.{i} > median then begin
      first.(!pauses) <- !now +. median;
      last.(!pauses) <- !now +. steps.{i};
      incr pauses
    end;
    now := !now +. steps.{i}
  done;
  List.iter
    (fun ms -> Printf.printf "counter mmu_%dms_wall %.6f\n" ms (utilisation first last !pauses (min (float_of_int ms *. 1e6) !now)))
    [ 1; 5; 20; 100 ]

(* ---- the timed part *)

let cpu_s () =
  let t = Unix.times () in
  t.Unix.tms_utime +. t.Unix.tms_stime

(* Runs `work` once and prints; then `sum`, untimed, whose value is the counter `checksum` where there is one. *)
let measure ?sum ?steps work =
  let cpu = cpu_s () and wall = Unix.gettimeofday () in
  work ();
  let wall = Unix.gettimeofday () -. wall and cpu = cpu_s () -. cpu in
  let gc = Gc.quick_stat () in
  if gc.Gc.top_heap_words > most_words then begin
    Printf.printf "failed ocaml: out of memory: it has no limit, and took %.1f MB\n" (float_of_int gc.Gc.top_heap_words /. 131072.);
    exit 1
  end;
  Printf.printf "iterations 1\nwall_ns %.0f\ncpu_ns %.0f\n" (wall *. 1e9) (cpu *. 1e9);
  (match sum with None -> () | Some sum -> Printf.printf "counter checksum %d\n" (sum ()));
  Printf.printf "peak_bytes %d\n" (status_bytes "VmHWM" - zero);
  Printf.printf "resident_bytes %d\nlive_bytes 0\n" (status_bytes "VmRSS" - zero);
  Printf.printf "counter gc_scavenges %d\ncounter gc_full %d\n" gc.Gc.minor_collections gc.Gc.major_collections;
  match steps with None -> () | Some steps -> step_lines steps

(* A program of equal steps, as heap_play of heap_support.h. *)
let play ?sum count step =
  let steps : times = Bigarray.Array1.create Bigarray.float64 Bigarray.c_layout count in
  measure ?sum ~steps (fun () ->
      let last = ref (Unix.gettimeofday ()) in
      for i = 0 to count - 1 do
        step ();
        let now = Unix.gettimeofday () in
        steps.{i} <- (now -. !last) *. 1e9;
        last := now
      done)
