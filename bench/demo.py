"""The demo's counties: what makes each a case, its towns, and what it reports besides schools, teachers and scores."""

# ruff: noqa: SIM905 — words in a string read better than a list of quoted ones

# A school's value / threshold is exp(mean + spread * N(0,1)), at least `floor` (1.04: all schools pass),
# times the county's level, which goes from y2021 to y2023; icc: between-school share of the scores' variance.
TRAITS = """
code   schools mean spread floor y2021 y2023 icc twist           in_2023
371502 14  0.22 0.16 1.04 0.97 1.00 0.08 -               met
371503 12  0.18 0.12 1.04 0.97 1.00 0.10 backbone        not_met:one_coefficient
371521 12  0.18 0.14 1.04 0.97 1.00 0.12 teaching_point  not_met:one_school
371522 14 -0.05 0.55 0.30 0.80 1.00 0.24 -               not_met:schools_and_coefficients
371524 10  0.16 0.12 1.04 0.80 1.00 0.09 -               met:not_before
371525 12  0.02 0.40 0.40 0.97 1.00 0.19 merger          not_met:schools_and_coefficients
371526 11  0.18 0.12 1.04 0.97 1.00 0.11 split           met:by_the_weighted_split_only
371581 12  0.14 0.12 1.04 1.00 0.84 0.14 -               not_met:but_in_2021
320684 14  0.30 0.15 1.04 0.97 1.00 0.06 -               met
370830 15  0.16 0.16 0.86 0.80 1.00 0.12 -               not_met:a_few_schools_left
441802 14  0.18 0.14 1.04 0.97 1.00 0.13 crowded         not_met:grounds_of_the_schools_in_town
441803 10  0.00 0.35 0.40 0.97 1.00 0.18 -               not_met:many_schools
441821  9  0.20 0.14 1.04 0.97 1.00 0.10 -               met
441823 10 -0.08 0.45 0.30 0.97 1.00 0.22 -               not_met:many_schools
441825  8  0.24 0.18 1.04 0.80 1.00 0.12 -               met:not_before
441826  8 -0.02 0.40 0.30 0.80 1.00 0.20 -               not_met:schools_and_coefficients
441881 14 -0.06 0.50 0.30 0.97 1.00 0.25 -               not_met:schools_and_coefficients
441882 10  0.06 0.25 0.50 0.80 1.00 0.15 -               not_met:many_schools
210700 11  0.20 0.14 1.04 0.97 1.00 0.12 -               met
"""
TOWNS = {
    370830: "中都街道 汶上街道 南站街道 南旺镇 次邱镇 寅寺镇 郭楼镇 康驿镇".split(),
    320684: "常乐镇 悦来镇 四甲镇 余东镇 正余镇 海永镇".split(),
}
FACTS = [  # fact, value in a county whose schools pass, in another, range, decimals
    ("civil_service_average_pay", 88000, 88000, 3000, 0),
    ("teacher_average_pay", 94000, 86500, 3000, 0),
    ("junior_retention_rate", 0.965, 0.94, 0.03, 3),
    ("disabled_children_enrolment_rate", 0.96, 0.93, 0.03, 3),
    ("key_high_school_quota_share", 0.52, 0.48, 0.15, 2),
    ("migrant_children_public_share", 0.87, 0.82, 0.1, 3),
    ("social_recognition_rate", 0.88, 0.83, 0.06, 3),
    ("difference_rate_maths", 0.12, 0.15, 0.02, 3),
]
SHARES = {  # a share is handed in as its parts: the whole, how many, the part
    "junior_retention_rate": ("junior_entrants_3y_ago", 1500, "junior_graduates"),
    "disabled_children_enrolment_rate": ("disabled_children", 200, "disabled_children_enrolled"),
    "key_high_school_quota_share": ("key_high_school_places", 400, "allotted_places"),
    "migrant_children_public_share": ("migrant_children", 800, "migrant_children_in_public"),
    "social_recognition_rate": ("valid_questionnaires", 1000, "satisfied_questionnaires"),
}
# What the documents of a region ask for besides: the value of 2021, 2022 and 2023, "-" for a fact that is not handed in.
# A share of the units has a boolean; a number or date is said as it stands. Facts not named here: 0.7 0.85 1 and 1 1 1.
# fmt: off
PLANS = {
    "has_family_education_station": "0.6 0.7 0.8", "meets_provincial_class_2": "0.5 0.6 0.8", "in_strong_school_action": "0.2 0.35 0.6",
    "is_paired": "0.3 0.5 0.6", "has_gigabit_network": "0.2 0.3 0.4", "has_recording_room": "0.5 0.7 1", "labour_sites": "1 1 1",
    "is_closed_management": "0.9 1 1", "new_heads": "6 5 8", "new_heads_trained": "5 5 8", "new_teacher_bound_terms": "1 2 2",
    "exam_selections_to_town": "1 0 0", "central_kindergartens": "9 9 9", "model_central_kindergartens": "3 4 6",
    "city_subject_bases": "0 1 1", "featured_high_schools": "0 0 1", "township_legal_entities": "2 2 3",
    "nine_year_entrants": "500 500 500", "nine_year_graduates": "481 484 486", "poor_rural_pupils": "420 400 385", "aided_poor_rural_pupils": "410 398 385",
    "has_special_education_centre": "0.4 0.6 0.9", "strong_town_pilots": "18 26 35", "min_funding_per_city_pilot_wan_yuan": "40 50 50",
    "pilot_evaluations": "0 1 1", "preschool_universal": "0.1 0.3 0.5", "min_schools_per_city_researcher": "- - -",
    "rural_teacher_health_checks": "1 1 -",
    "has_drinking_water": "0.5 0.6 1", "is_law_based_model_school": "0.5 0.8 1", "has_class_1_equipment": "0.6 0.8 0.9", "is_smart_campus": "0.2 0.4 0.7",
    "public_funds_standard_yuan": "1000 1000 1050", "rebuilt_named_schools": "1 2 3", "buildings_to_reinforce": "24 24 24",
    "buildings_reinforced": "11 19 24", "teachers_and_pupils": "8200 8150 8100", "learning_space_users": "6000 7400 7290",
    "min_rural_staff_training_hours": "90 150 180", "substitute_teachers": "40 22 9", "kindergartens_bought_back": "1 1 2",
    "rural_schools_supported": "5 9 8", "min_schools_per_official": "1 0 1", "min_subject_leaders": "- - -", "model_teachers": "1 1 2",
    "seed_teachers": "1 2 2",
    "is_new_or_expanded": "0 0.1 0.2", "interactive_classrooms": "5 9 14", "daily_sports_hours": "1 1 1", "psych_centres": "0 1 1",
    "psych_teachers": "0 1 1", "courses_required": "20 20 20", "courses_offered": "19 20 20", "city_school_projects_done": "0 1 3", "new_primary_schools": "0 0 1",
    "new_junior_schools": "0 0 0", "new_nine_year_schools": "0 0 0", "sync_pilots_planned": "12 12 12", "sync_pilots_done": "3 6 9",
    "new_recruits": "80 95 90", "pe_arts_recruits": "14 19 21", "new_recruits_trained": "78 95 90", "master_heads": "2 4 7",
    "teaching_backbones": "30 70 100", "devoted_teachers": "310 540 700", "classroom_teaching_rank": "- 5 4",
    "new_tutoring_licences": "2 0 0", "public_primary_entrants": "400 400 400", "nearby_primary_entrants": "392 396 400",
    "public_junior_entrants": "300 300 300", "nearby_junior_entrants": "282 285 285", "fitness_tested": "4000 4000 4000",
    "fitness_good": "1920 2040 2120", "fitness_passed": "3800 3840 3880", "health_records_due": "5000 5000 5000",
    "health_records": "4500 4750 5000", "vision_tested": "4000 4000 4000", "myopic_pupils": "2092 2080 2060",
    "public_primary_staff": "232 229 227", "public_junior_staff": "152 151 150", "plan_date": "- 2022-09-28 2022-09-28",
    "county_psych_centres": "0 1 1", "has_ipv6": "0.3 0.6 -",
    "education_communities": "2 3 4", "provincial_first_communities": "1 2 5", "featured_quality_high_schools": "0 1 2",
    "inclusive_model_units": "0 0 0",
    "layout_plan_date": "2019-08-20 2019-08-20 2019-08-20", "residential_school_projects": "4 5 6", "synchronous_school_projects": "4 4 6",
    "meets_standardised_school": "1 1 1", "has_canteen_meals": "0.5 0.7 0.9", "homework_grades_1_2": "0 0 0",
    "has_after_school_service": "0.7 0.9 -", "education_budget_yuan": "183000000 191500000 190800000",
    "education_budget_primary_yuan": "105000000 110000000 109000000", "education_budget_junior_yuan": "70000000 73500000 74000000", "special_inspections": "1 1 0",
    "is_built_by_2016": "- - -", "is_small_class_rural": "- - -", "is_built_by_2010_or_mostly_migrant": "- - -",
    "primary_visiting_pe_arts_teachers": "- - -", "junior_visiting_pe_arts_teachers": "- - -", "borrowed_sports_area_m2": "- - -",
    "implementation_date": "- - -", "evaluation_date": "- - -",
    "basic_balance_recognised_year": "2015 2015 2015", "rural_allotted_places": "104 108 114",
    "junior_transfers_in_3y": "12 10 8", "junior_transfers_out_3y": "12 10 8", "junior_deaths_3y": "0 0 0",
    "migrant_children_in_bought_places": "0 0 0", "disabled_children_in_special_schools": "61 60 58",
    "questionnaires": "1040 1040 1040", "parent_questionnaires": "620 620 620", "parent_valid_questionnaires": "600 600 600",
    "parent_satisfied_questionnaires": "504 510 516", "visited_people": "60 60 60", "satisfied_visited_people": "53 54 56",
    "parent_visited_people": "40 40 40", "parent_satisfied_visited_people": "35 36 37",
    "population_wan": "52.36 51.98 51.47", "agricultural_population_wan": "28.1 27.4 26.6",
    "townships": "14 14 14", "villages": "312 312 309", "gdp_per_capita_yuan": "58600 61200 64100",
    "fiscal_revenue_per_capita_yuan": "3900 4050 4210", "rural_income_yuan": "18900 20100 21400", "urban_income_yuan": "34200 35800 37500",
    "primary_staff": "1180 1165 1150", "junior_staff": "760 765 770",
    "rural_kindergartens": "40 40 40", "integrated_kindergartens": "22 30 36", "course_chapters": "1200 1200 1200",
    "course_chapters_covered": "300 620 840", "has_rural_school_evaluation": "0.2 0.5 0.6", "preschool_aid_eligible": "260 255 250",
    "preschool_aid_received": "255 252 250", "rural_teachers_entitled": "310 305 300", "rural_teachers_paid": "310 305 300",
    "nutrition_eligible": "1800 1780 1760", "nutrition_covered": "1500 1700 1760", "has_maker_space": "0.1 0.3 0.4",
    "has_digital_laboratory": "0.2 0.4 0.5", "has_3d_printing": "0 0.1 0.2", "has_visiting_teachers": "1 1 1",
    "private_education_regulated": "0 1 1", "safety_platform_connected": "0 0 1", "guards_required": "2 2 2", "guards": "1 2 2",
    "paid_tutoring_cases": "3 1 0", "key_class_cases": "1 0 0", "three_classroom_pilots": "8 8 8", "three_classroom_pilots_running": "2 5 8",
    "safe_campus_rules_issued": "0 1 1", "staff_allocation_plan_issued": "0 1 1", "performance_rules_issued": "0 0 1",
    "degree_upgrade_plan_issued": "0 0 0", "labour_lists_issued": "0 1 1", "teaching_rules_revised": "0 0 1",
    "head_management_plan_issued": "0 0 0", "supervision_rules_issued": "0 0 -", "has_teacher_award_fund": "0 0 1",
    "has_rural_school_fund": "1 1 1", "has_food_safety_manager": "1 1 1", "public_school_teachers": "320 320 320",
    "county_managed_teachers": "200 280 320",
    # nine subjects in cycles of three years, known a year later: before 2021 six, in 2021 mental health, in 2022 English too
    "monitored_year_chinese": "2019 2019 2022", "achievement_level_chinese": "Ⅲ Ⅲ Ⅲ", "difference_rate_chinese": "0.16 0.16 0.149",
    "monitored_year_maths": "2018 2021 2021", "achievement_level_maths": "Ⅱ Ⅲ Ⅲ",
    "monitored_year_english": "0 0 2022", "achievement_level_english": "- - Ⅲ", "difference_rate_english": "- - 0.131",
    "monitored_year_science": "2020 2020 2020", "achievement_level_science": "Ⅲ Ⅲ Ⅲ", "difference_rate_science": "0.118 0.118 0.118",
    "monitored_year_pe": "2018 2021 2021", "achievement_level_pe": "Ⅲ Ⅲ Ⅲ", "difference_rate_pe": "0.097 0.094 0.094",
    "monitored_year_arts": "2019 2019 2022", "achievement_level_arts": "Ⅲ Ⅲ Ⅲ", "difference_rate_arts": "0.133 0.133 0.127",
    "monitored_year_moral": "2020 2020 2020", "achievement_level_moral": "Ⅲ Ⅲ Ⅲ", "difference_rate_moral": "0.082 0.082 0.082",
    "monitored_year_labour": "0 0 0", "achievement_level_labour": "- - -", "difference_rate_labour": "- - -",
    "monitored_year_mental_health": "0 2021 2021", "achievement_level_mental_health": "- Ⅲ Ⅲ", "difference_rate_mental_health": "- 0.088 0.088",
    "vocational_attached_classes": "0 0 0", "included_disabled_pupils": "110 112 115",
    "included_disabled_public_funds_yuan": "880000 896000 920000", "labour_practice_hours": "320 400 520",
    "practice_activity_hours": "1000 1000 1000", "is_dense_city_centre": "- - -",
    "public_satisfaction_rate": "0.86 0.88 0.9", "government_work_score": "86 88 91",
}
# fmt: on
ROTATING = 371502  # where heads who have served two terms change schools
# A county hands these in once for all its schools.
OF_ALL_SCHOOLS = {"public_funds_standard_yuan", "courses_required", "courses_offered"}
