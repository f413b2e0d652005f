-- The same read model, kept by the server itself: psql -v store=school -f free_seats.sql
SET search_path = :"store";

CREATE TABLE seats_left (course text PRIMARY KEY, title text NOT NULL, free int NOT NULL, open boolean NOT NULL);

CREATE FUNCTION count_seats(event dcb.stored_event) RETURNS void LANGUAGE sql AS $$
  INSERT INTO seats_left
  SELECT event.data->>'course', coalesce(event.data->>'title', event.data->>'name'), (event.data->>'seats')::int, true
  WHERE event.type IN ('CourseDefined', 'CourseCreated');

  UPDATE seats_left SET
    title = CASE event.type WHEN 'CourseRenamed' THEN event.data->>'title' ELSE title END,
    open = open AND event.type <> 'CourseClosed',
    free = free + CASE event.type WHEN 'StudentSubscribed' THEN -1 WHEN 'StudentUnsubscribed' THEN 1 ELSE 0 END
  WHERE course = event.data->>'course'
$$;

SELECT dcb.create_projection(:'store', 'seats left',
         dcb.query(types => '{CourseDefined,CourseCreated,CourseRenamed,CourseClosed,StudentSubscribed,StudentUnsubscribed}'),
         'count_seats(dcb.stored_event)');
