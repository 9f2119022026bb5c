from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("writeback", "0003_one_claimed_job_per_account"),
    ]

    operations = [
        migrations.AddField(
            model_name="syncedentry",
            name="is_off",
            field=models.BooleanField(default=False),
        ),
    ]
