-- Grain: region × policy document that binds it.
select
    region_id,
    trim({{ each_of(split('documents', ',')) }}) as document_id
from {{ source('raw', 'region') }}
