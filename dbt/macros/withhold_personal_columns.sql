{#-
    Default privileges (`whop-elt grant-reader`) give a reader each mart that is built, as a whole. Of a mart
    with personal columns it then keeps the others only. Readers are the roles that this role's default
    privileges in this schema are for. Within the transaction that builds the mart: nobody sees it before.
-#}
{% macro withhold_personal_columns() %}
    {%- set open = [] -%}
    {%- set personal = [] -%}
    {%- for column in model.columns.values() -%}
        {%- do (personal if column.meta.get('personal') else open).append(adapter.quote(column.name)) -%}
    {%- endfor -%}
    {%- if target.type == 'postgres' and personal -%}
do $$
declare
    reader name;
begin
    for reader in
        select distinct pg_get_userbyid(granted.grantee)
        from pg_default_acl, aclexplode(pg_default_acl.defaclacl) as granted
        where pg_default_acl.defaclrole = (select oid from pg_roles where rolname = current_user)
        and pg_default_acl.defaclnamespace = '{{ adapter.quote(this.schema) }}'::regnamespace
        and pg_default_acl.defaclobjtype = 'r'
        and granted.grantee not in (0, pg_default_acl.defaclrole)
    loop
        execute format('revoke all on {{ this }} from %I', reader);
        execute format('grant select ({{ open | join(", ") }}) on {{ this }} to %I', reader);
    end loop;
end
$$
    {%- endif -%}
{% endmacro %}
