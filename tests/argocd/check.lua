-- Runs docs/argocd/health.lua as Argo CD does, over a status of every leaf of every machine (the files beside this one),
-- and prints one line for each. What it prints is compared with expected.txt.

local source = assert(io.open("docs/argocd/health.lua")):read("*a")

local function health(object)
  -- Argo CD's interpreter has no io, os or package either.
  local script = assert(loadstring(source, "health.lua"))
  setfenv(script, { obj = object, ipairs = ipairs, pairs = pairs })
  local found = script()
  assert(type(found.message) == "string" and found.message ~= "", "a message is missing")
  return found.status
end

local function failed(words)
  io.stderr:write("check.lua: " .. words .. "\n")
  os.exit(1)
end

local function copy(value)
  if type(value) ~= "table" then return value end
  local made = {}
  for key, inner in pairs(value) do made[key] = copy(inner) end
  return made
end

local printed = {}
for _, name in ipairs(arg) do
  for _, object in ipairs(dofile(name)) do
    local is, flags = health(object), {}
    for _, condition in ipairs(object.status.conditions) do
      if condition.type == "Ready" or condition.type == "Reconciling" or condition.type == "Stalled" then
        flags[#flags + 1] = condition.type .. "=" .. condition.status
      end
    end
    local place = object.kind .. " " .. object.status.state .. " " .. table.concat(flags, ",")
    if not printed[place] then print(place .. ": " .. is) end
    printed[place] = true

    -- What holds for all of them.
    local function must(change, wanted)
      local other = copy(object)
      change(other)
      if health(other) ~= wanted then failed(place .. ": " .. health(other) .. ", not " .. wanted) end
    end
    must(function(o) table.insert(o.status.conditions, { type = "Paused", status = "True", message = "paused" }) end, "Suspended")
    must(function(o) table.insert(o.status.conditions, { type = "Paused", status = "False", message = "not a time" }) end, is)
    must(function(o) o.metadata.generation = 2 end, "Progressing")
    must(function(o) o.metadata.deletionTimestamp = "2026-11-21T12:00:00Z" end, "Progressing")
    must(function(o) o.status = nil end, "Progressing")
    if is == "Healthy" and object.rest ~= "settled" then failed(place .. " is " .. object.rest .. ", and Healthy") end
  end
end
for _, kind in ipairs({ "Database", "ReportProcessor" }) do
  print(kind .. " without a status: " .. health({ kind = kind, metadata = { generation = 1 } }))
end
