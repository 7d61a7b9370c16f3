-- The health of an object of openvox.voxpupuli.org for Argo CD: one script for all nine kinds, because their conditions
-- follow the same rules. README.md beside it says how it gets into Argo CD.

-- These have a CRD and nobody who acts on them yet, so they never get a status.
local stored_only = { Database = true, ReportProcessor = true }

local function condition(name)
  for _, found in ipairs((obj.status or {}).conditions or {}) do
    if found.type == name then
      return found
    end
  end
  return {}
end

local function health(status, message)
  return { status = status, message = message }
end

local ready, paused, stalled, reconciling = condition("Ready"), condition("Paused"), condition("Stalled"), condition("Reconciling")

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "the object is being deleted")
elseif stored_only[obj.kind] and obj.status == nil then
  return health("Healthy", "the object is stored; this version of the operator does not act on it")
elseif paused.status == "True" then
  return health("Suspended", paused.message)
elseif obj.status == nil or ready.status == nil then
  return health("Progressing", "the operator has not looked at the object yet")
elseif (obj.status.observedGeneration or 0) < (obj.metadata.generation or 0) then
  return health("Progressing", "the operator has not looked at the newest spec yet")
elseif stalled.status == "True" then
  return health("Degraded", stalled.message)
elseif reconciling.status == "True" then
  return health("Progressing", reconciling.message)
end
-- Neither at work nor stuck: it is as it was asked to be, also a Server that was scaled to zero.
return health("Healthy", ready.message)
