-- Grain: region × school year × school that lists rooms; null: it lists none of the kind, or a row of its list was rejected.
with rooms as (
    select
        *,
        row_number() over (partition by region_id, school_year, school_id, kind order by area_m2 desc, room_no asc) as place
    from {{ ref('stg_rooms') }}
    where {{ pending() }}
),

counted as (
    select
        {%- for kind in ['music', 'art'] %}
        nullif(count(case when kind = '{{ kind }}' then 1 end), 0) as {{ kind }}_rooms,
        min(case when kind = '{{ kind }}' then area_m2 end) as min_{{ kind }}_room_area_m2,
        {{ dbt.listagg("case when kind = '" ~ kind ~ "' then " ~ plain(half_up('area_m2', 2)) ~ " end", "'，'", 'order by place') }}
            as {{ kind }}_room_areas,
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
    counted.art_rooms,
    counted.min_art_room_area_m2,
    counted.art_room_areas
from counted
left join {{ ref('int_rosters__short') }} as short
    on
        {{ same('counted', 'short', 'region_id, school_year, school_id') }}
        and short.extract = 'rooms'
where short.school_id is null
