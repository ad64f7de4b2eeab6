; Where Python enters machine code: functions of CPython's own calling convention, which find the elements of NumPy's arrays
; where the C API of NumPy does. What stands behind a dollar sign `entry.py` fills in;
; it says what each function is for, too.

; What is run, behind which stand three numbers for each array: the bytes from its first element to that where the kernel
; starts, from row to row, and from step to step of the outer axis.
%Plan = type { ptr, i64, i64, i64, i64, i64, i64, i64 } ; kernel, outer, inner, chunk, along inner, arrays, room, brief

; On the stack of a caller: plan, table, scratch, team; then what is counted together: the next place, who joined, who works.
%Job = type { ptr, ptr, ptr, ptr, i64, i64, i64 }

; The place of a thread of the crew: what it does, how often it looks for work before it sleeps; and on cache lines of their
; own what it sleeps by. What it does is a state, or the address of a job that it is called to and has not begun.
%Slot = type { i64, i64, [6 x i64], [8 x i64], [16 x i64] } ; …, …, -, mutex, condition

%Team = type { i64, ptr, i64 } ; how many slots, the first of them, whether those who sleep are woken

declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare void @Py_IncRef(ptr)
$declarations

define internal ptr @elements(ptr %array) nounwind {
  %at = getelementptr i8, ptr %array, i64 $header
  %found = load ptr, ptr %at
  ret ptr %found
}

; What a kernel is called with: for each array its address and its two steps, and then the scratch memory, if any is given.
define internal void @tabulate(ptr %plan, ptr %table, ptr %arrays, i64 %given) nounwind {
entry:
  %count.at = getelementptr %Plan, ptr %plan, i64 0, i32 5
  %count = load i64, ptr %count.at
  %numbers = getelementptr %Plan, ptr %plan, i64 1
  br label %each
each:
  %k = phi i64 [ 0, %entry ], [ %k1, %each ]
  %array.at = getelementptr ptr, ptr %arrays, i64 %k
  %array = load ptr, ptr %array.at
  %first = call ptr @elements(ptr %array)
  %k3 = mul i64 %k, 3
  %offset.at = getelementptr i64, ptr %numbers, i64 %k3
  %row.at = getelementptr i64, ptr %offset.at, i64 1
  %step.at = getelementptr i64, ptr %offset.at, i64 2
  %offset = load i64, ptr %offset.at
  %row = load i64, ptr %row.at
  %step = load i64, ptr %step.at
  %start = getelementptr i8, ptr %first, i64 %offset
  %start.to = getelementptr i64, ptr %table, i64 %k3
  %row.to = getelementptr i64, ptr %start.to, i64 1
  %step.to = getelementptr i64, ptr %start.to, i64 2
  store ptr %start, ptr %start.to
  store i64 %row, ptr %row.to
  store i64 %step, ptr %step.to
  %k1 = add i64 %k, 1
  %more = icmp slt i64 %k1, %count
  br i1 %more, label %each, label %last
last:
  %works = icmp sgt i64 %given, %count
  br i1 %works, label %scratch, label %done
scratch:
  %memory.at = getelementptr ptr, ptr %arrays, i64 %k1
  %memory = load ptr, ptr %memory.at
  %inside = call ptr @elements(ptr %memory)
  %end = getelementptr i64, ptr %step.to, i64 1
  store ptr %inside, ptr %end
  br label %done
done:
  ret void
}

define ptr @run(ptr %self, ptr %args, i64 %count) nounwind {
entry:
  %plan.object = load ptr, ptr %args
  %plan = call ptr @elements(ptr %plan.object)
  %arrays = getelementptr ptr, ptr %args, i64 1
  %given = sub i64 %count, 1
  %words = mul i64 %given, 3
  %table = alloca i64, i64 %words, align 16
  call void @tabulate(ptr %plan, ptr %table, ptr %arrays, i64 %given)
  %outer.at = getelementptr %Plan, ptr %plan, i64 0, i32 1
  %inner.at = getelementptr %Plan, ptr %plan, i64 0, i32 2
  %brief.at = getelementptr %Plan, ptr %plan, i64 0, i32 7
  %kernel = load ptr, ptr %plan
  %outer = load i64, ptr %outer.at
  %inner = load i64, ptr %inner.at
  %brief = load i64, ptr %brief.at
  %keeps = icmp ne i64 %brief, 0
  br i1 %keeps, label %at.once, label %aside
at.once:
  call void %kernel(ptr %table, i64 0, i64 %outer, i64 0, i64 %inner)
  br label %done
aside:
  %thread = call ptr @PyEval_SaveThread()
  call void %kernel(ptr %table, i64 0, i64 %outer, i64 0, i64 %inner)
  call void @PyEval_RestoreThread(ptr %thread)
  br label %done
done:
  call void @Py_IncRef(ptr %self)
  ret ptr %self
}

; Takes chunks until none is left.
define internal void @work(ptr %job, i64 %number) nounwind {
entry:
  %table.at = getelementptr %Job, ptr %job, i64 0, i32 1
  %scratch.at = getelementptr %Job, ptr %job, i64 0, i32 2
  %next.at = getelementptr %Job, ptr %job, i64 0, i32 4
  %plan = load ptr, ptr %job
  %shared = load ptr, ptr %table.at
  %scratch = load ptr, ptr %scratch.at
  %outer.at = getelementptr %Plan, ptr %plan, i64 0, i32 1
  %inner.at = getelementptr %Plan, ptr %plan, i64 0, i32 2
  %chunk.at = getelementptr %Plan, ptr %plan, i64 0, i32 3
  %along.at = getelementptr %Plan, ptr %plan, i64 0, i32 4
  %arrays.at = getelementptr %Plan, ptr %plan, i64 0, i32 5
  %room.at = getelementptr %Plan, ptr %plan, i64 0, i32 6
  %kernel = load ptr, ptr %plan
  %outer = load i64, ptr %outer.at
  %inner = load i64, ptr %inner.at
  %chunk = load i64, ptr %chunk.at
  %along = load i64, ptr %along.at
  %arrays = load i64, ptr %arrays.at
  %room = load i64, ptr %room.at
  %within = icmp ne i64 %along, 0
  %total = select i1 %within, i64 %inner, i64 %outer
  %words = mul i64 %arrays, 3
  %all = add i64 %words, 1
  %table = alloca i64, i64 %all, align 16
  br label %copy
copy: ; a table of its own, for scratch memory of its own
  %k = phi i64 [ 0, %entry ], [ %k1, %copy ]
  %from = getelementptr i64, ptr %shared, i64 %k
  %word = load i64, ptr %from
  %to = getelementptr i64, ptr %table, i64 %k
  store i64 %word, ptr %to
  %k1 = add i64 %k, 1
  %more = icmp slt i64 %k1, %words
  br i1 %more, label %copy, label %own
own:
  %by = mul i64 %number, %room
  %memory = getelementptr i8, ptr %scratch, i64 %by
  %end = getelementptr i64, ptr %table, i64 %words
  store ptr %memory, ptr %end
  br label %again
again:
  %start = atomicrmw add ptr %next.at, i64 %chunk monotonic
  %left = icmp slt i64 %start, %total
  br i1 %left, label %take, label %done
take:
  %whole = add i64 %start, %chunk
  %over = icmp sgt i64 %whole, %total
  %stop = select i1 %over, i64 %total, i64 %whole
  br i1 %within, label %inside, label %outside
inside:
  call void %kernel(ptr %table, i64 0, i64 %outer, i64 %start, i64 %stop)
  br label %again
outside:
  call void %kernel(ptr %table, i64 %start, i64 %stop, i64 0, i64 %inner)
  br label %again
done:
  ret void
}

; Turns the slots of the team that are `from` to `to`, and adds `by` to the count of those who work for each.
define internal void @turn(ptr %job, i64 %from, i64 %to, i64 %by) nounwind {
entry:
  %team.at = getelementptr %Job, ptr %job, i64 0, i32 3
  %busy.at = getelementptr %Job, ptr %job, i64 0, i32 6
  %team = load ptr, ptr %team.at
  %slots.at = getelementptr %Team, ptr %team, i64 0, i32 1
  %count = load i64, ptr %team
  %slots = load ptr, ptr %slots.at
  %asleep = icmp eq i64 %from, $SLEEPS
  br label %each
each:
  %k = phi i64 [ 0, %entry ], [ %k1, %next ]
  %slot = getelementptr %Slot, ptr %slots, i64 %k
  %state = load atomic i64, ptr %slot monotonic, align 8
  %is = icmp eq i64 %state, %from
  br i1 %is, label %try, label %next
try: ; counted first: a thread that is called may have ended by the next instruction
  %before = atomicrmw add ptr %busy.at, i64 %by monotonic
  %found = cmpxchg ptr %slot, i64 %from, i64 %to acq_rel monotonic
  %done = extractvalue { i64, i1 } %found, 1
  br i1 %done, label %turned, label %undo
undo:
  %after = atomicrmw sub ptr %busy.at, i64 %by monotonic
  br label %next
turned:
  br i1 %asleep, label %wake, label %next
wake: ; who goes to sleep looks at the state once more behind the mutex
  %mutex = getelementptr %Slot, ptr %slot, i64 0, i32 3
  %condition = getelementptr %Slot, ptr %slot, i64 0, i32 4
  $lock
  $wake
  $unlock
  br label %next
next:
  %k1 = add i64 %k, 1
  %more = icmp slt i64 %k1, %count
  br i1 %more, label %each, label %last
last:
  ret void
}

define ptr @share(ptr %self, ptr %args, i64 %count) nounwind {
entry:
  %plan.object = load ptr, ptr %args
  %plan = call ptr @elements(ptr %plan.object)
  %team.object.at = getelementptr ptr, ptr %args, i64 1
  %team.object = load ptr, ptr %team.object.at
  %team = call ptr @elements(ptr %team.object)
  %arrays = getelementptr ptr, ptr %args, i64 2
  %given = sub i64 %count, 2
  %words = mul i64 %given, 3
  %table = alloca i64, i64 %words, align 16
  call void @tabulate(ptr %plan, ptr %table, ptr %arrays, i64 %given)
  %scratch.in = getelementptr i64, ptr %table, i64 %words ; where there is scratch memory, it is the last that was given
  %scratch.at = getelementptr i64, ptr %scratch.in, i64 -3
  %scratch = load ptr, ptr %scratch.at
  %job = alloca %Job, align 64
  %table.to = getelementptr %Job, ptr %job, i64 0, i32 1
  %scratch.to = getelementptr %Job, ptr %job, i64 0, i32 2
  %team.to = getelementptr %Job, ptr %job, i64 0, i32 3
  %next.to = getelementptr %Job, ptr %job, i64 0, i32 4
  %joined.to = getelementptr %Job, ptr %job, i64 0, i32 5
  %busy.at = getelementptr %Job, ptr %job, i64 0, i32 6
  store ptr %plan, ptr %job
  store ptr %table, ptr %table.to
  store ptr %scratch, ptr %scratch.to
  store ptr %team, ptr %team.to
  store i64 0, ptr %next.to
  store i64 1, ptr %joined.to
  store i64 0, ptr %busy.at
  %name = ptrtoint ptr %job to i64
  %thread = call ptr @PyEval_SaveThread()
  call void @turn(ptr %job, i64 $LISTENS, i64 %name, i64 1)
  %wakes.at = getelementptr %Team, ptr %team, i64 0, i32 2
  %wakes = load i64, ptr %wakes.at
  %rouses = icmp ne i64 %wakes, 0
  br i1 %rouses, label %rouse, label %begin
rouse:
  call void @turn(ptr %job, i64 $SLEEPS, i64 %name, i64 1)
  br label %begin
begin:
  call void @work(ptr %job, i64 0)
  call void @turn(ptr %job, i64 %name, i64 $LISTENS, i64 -1) ; nobody waits for those who have not begun
  br label %wait
wait:
  %looks = phi i64 [ 0, %begin ], [ %looks1, %pause ], [ 0, %yield ]
  %busy = load atomic i64, ptr %busy.at acquire, align 8
  %alone = icmp eq i64 %busy, 0
  br i1 %alone, label %done, label %patient
patient:
  %looks1 = add i64 %looks, 1
  %long = icmp sgt i64 %looks1, $PATIENCE
  br i1 %long, label %yield, label %pause
pause:
  $pause
  br label %wait
yield:
  $yield
  br label %wait
done:
  call void @PyEval_RestoreThread(ptr %thread)
  call void @Py_IncRef(ptr %self)
  ret ptr %self
}

define ptr @listen(ptr %self, ptr %args, i64 %count) nounwind {
entry:
  %slot.object = load ptr, ptr %args
  %slot = call ptr @elements(ptr %slot.object)
  %most.at = getelementptr %Slot, ptr %slot, i64 0, i32 1
  %mutex = getelementptr %Slot, ptr %slot, i64 0, i32 3
  %condition = getelementptr %Slot, ptr %slot, i64 0, i32 4
  $prepare
  %thread = call ptr @PyEval_SaveThread()
  br label %free
free:
  store atomic i64 $LISTENS, ptr %slot release, align 8
  br label %look
look:
  %looks = phi i64 [ 0, %free ], [ 0, %up ], [ %looks1, %pause ]
  %state = load atomic i64, ptr %slot monotonic, align 8
  %called = icmp ne i64 %state, $LISTENS
  br i1 %called, label %try, label %idle
try:
  %got = cmpxchg ptr %slot, i64 %state, i64 $WORKS acquire monotonic
  %mine = extractvalue { i64, i1 } %got, 1
  br i1 %mine, label %help, label %idle
help:
  %job = inttoptr i64 %state to ptr
  %joined.at = getelementptr %Job, ptr %job, i64 0, i32 5
  %busy.at = getelementptr %Job, ptr %job, i64 0, i32 6
  %number = atomicrmw add ptr %joined.at, i64 1 monotonic
  call void @work(ptr %job, i64 %number)
  %before = atomicrmw sub ptr %busy.at, i64 1 release ; from here on the job may be gone
  br label %free
idle:
  %looks1 = add i64 %looks, 1
  %most = load atomic i64, ptr %most.at monotonic, align 8
  %enough = icmp sgt i64 %looks1, %most
  br i1 %enough, label %stop, label %pause
pause:
  $pause
  br label %look
stop: ; unless a caller was faster
  %found = cmpxchg ptr %slot, i64 $LISTENS, i64 $SLEEPS acquire monotonic
  %slept = extractvalue { i64, i1 } %found, 1
  br i1 %slept, label %sleep, label %pause
sleep:
  $lock
  br label %still
still:
  %now = load atomic i64, ptr %slot monotonic, align 8
  %sleeps = icmp eq i64 %now, $SLEEPS
  br i1 %sleeps, label %doze, label %up
doze:
  $sleep
  br label %still
up:
  $unlock
  br label %look
}
