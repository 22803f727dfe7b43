-- A program with a leak: sessions that are closed stay in a table of listeners. write(path) is there, or the module is.
local directory = ...
write = write or function(path)
  local ok, message = require("lua_snapshot").write(path)
  return ok and "ok" or message
end

Session = {}
Session.__index = Session
local listeners = {} -- the leak: held by on_tick alone
local cache = setmetatable({}, { __mode = "v" })

function on_tick() return #listeners end

local function open(n)
  local s = setmetatable({ name = "session " .. n, data = {} }, Session)
  for i = 1, 10 do s.data[i] = n * 1000 + i end
  listeners[#listeners + 1] = s
  cache[n] = s
  return s
end

local function close(n) cache[n] = nil end

for n = 1, 50 do open(n) close(n) end
parked = coroutine.wrap(function()
  local waiting = { "waits in a coroutine" }
  coroutine.yield()
  return waiting
end)
parked()
by_key = { [on_tick] = "a function is the key", [1.5] = {}, [true] = {}, [-3] = {} }
file = io.stdout
gone = { "garbage " .. directory }
gone = nil

collectgarbage()
local bytes = collectgarbage("count") * 1024 // 1
local first = write(directory .. "/first.heapsnapshot")
assert(collectgarbage("isrunning"), "the collector was left standing")
for n = 51, 60 do open(n) close(n) end
local second = write(directory .. "/second.heapsnapshot")
collectgarbage() collectgarbage()
assert(on_tick() == 60 and getmetatable(listeners[60]) == Session and parked ~= nil)
assert(cache[60] == nil and select("#", next(cache)) == 1)
print(first, second, bytes)
assert(write(directory .. "/absent/x"):find("No such file", 1, true) or first ~= "ok")
