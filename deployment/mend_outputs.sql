-- Puts the outputs of cached nodes back under the keys that they were made as, and
-- shows each one that it moved. Before 2026-11-28 they could swap places.
--   kubectl exec --namespace kubeflow -i mnist-metadata-0 -- \
--     psql --username=mnist --dbname=mnist < deployment/mend_outputs.sql
WITH output AS (
    SELECT
        event.id,
        event.execution_id,
        event.artifact_id,
        path.step_key AS was,
        first_value(path.step_key) OVER (
            PARTITION BY event.artifact_id
            ORDER BY event.milliseconds_since_epoch, event.id
        ) AS made_as
    FROM event
    JOIN eventpath AS path ON path.event_id = event.id
    WHERE event.type = 4 AND NOT path.is_index_step
)
UPDATE eventpath
SET step_key = output.made_as
FROM output
WHERE eventpath.event_id = output.id
    AND NOT eventpath.is_index_step
    AND eventpath.step_key <> output.made_as
RETURNING output.execution_id, output.artifact_id, output.was, output.made_as;
