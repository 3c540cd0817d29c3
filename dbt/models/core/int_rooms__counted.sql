-- Grain: region × school year × school that lists rooms; null: it lists none of the kind, or a row of its list was rejected.
with years as (
    select * from {{ ref('int_years__ruled') }}
    where {{ pending() }}
),

items as (
    select
        items.*,
        case measures.numerator when 'min_music_room_area_m2' then 'music' else 'art' end as kind
    from {{ ref('standard_items') }} as items
    inner join {{ ref('measures') }} as measures using (measure_id)
    where
        measures.numerator in ('min_music_room_area_m2', 'min_art_room_area_m2')
        and items.transition_id is null and items.standard_id = '{{ var("standard_id") }}'
),

-- how large a room has to be where nothing is eased
limits as (
    select * from {{ in_force('items', 'years', ['criterion_id']) }} as bound
),

rooms as (
    select
        rooms.*,
        rooms.area_m2 >= limits.threshold as is_large_enough,
        row_number() over (
            partition by rooms.region_id, rooms.school_year, rooms.school_id, rooms.kind order by rooms.area_m2 desc, rooms.room_no asc
        ) as place
    from {{ ref('stg_rooms') }} as rooms
    left join {{ ref('stg_schools') }} as schools using (region_id, school_year, school_id)
    left join limits
        on
            {{ same('rooms', 'limits', 'region_id, school_year, kind') }}
            and schools.county_code = limits.county_code
    where {{ pending('rooms') }}
),

counted as (
    select
        {%- for kind in ['music', 'art'] %}
        nullif(count(case when kind = '{{ kind }}' then 1 end), 0) as {{ kind }}_rooms,
        min(case when kind = '{{ kind }}' then area_m2 end) as min_{{ kind }}_room_area_m2,
        {{ dbt.listagg("case when kind = '" ~ kind ~ "' then " ~ plain(half_up('area_m2', 2)) ~ " end", "'，'", 'order by place') }}
            as {{ kind }}_room_areas,
        sum(case when kind = '{{ kind }}' then case when is_large_enough then 1 else 0 end end) as large_enough_{{ kind }}_rooms,
        {%- endfor %}
        region_id,
        school_year,
        school_id
    from rooms
    group by region_id, school_year, school_id
)

select
    counted.region_id,
    counted.school_year,
    counted.school_id,
    counted.music_rooms,
    counted.min_music_room_area_m2,
    counted.music_room_areas,
    cast(counted.large_enough_music_rooms as bigint) as large_enough_music_rooms,
    counted.art_rooms,
    counted.min_art_room_area_m2,
    counted.art_room_areas,
    cast(counted.large_enough_art_rooms as bigint) as large_enough_art_rooms
from counted
left join {{ ref('int_rosters__short') }} as short
    on
        {{ same('counted', 'short', 'region_id, school_year, school_id') }}
        and short.extract = 'rooms'
where short.school_id is null
